// A run sheet, as long as nobody runs it.
import "./load.js";
import "./offline.js";
import "./paper.js";
import "./rules.js";
