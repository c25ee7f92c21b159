document.title = "%%frame.menu%% %%frame.nothing%% 100%%";
