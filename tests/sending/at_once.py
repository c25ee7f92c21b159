"""Several at a time of what waits more than it computes, each in a process of its own."""
import concurrent.futures
import multiprocessing

JOBS = 6


def at_once(function, arguments, jobs=JOBS):
    """Yields each argument with what `function` returned for it, as they end; what it raised is raised here."""
    context = multiprocessing.get_context("fork")
    with concurrent.futures.ProcessPoolExecutor(max_workers=jobs, mp_context=context) as pool:
        begun = {pool.submit(function, argument): argument for argument in arguments}
        try:
            for done in concurrent.futures.as_completed(begun):
                yield begun[done], done.result()
        finally:
            pool.shutdown(cancel_futures=True)
