package harness.agent;

import org.json.JSONObject;

/** Commands of one kind. */
interface Commands {
    /** What `run` returns for a command of another kind. */
    Object ANOTHER = new Object();

    /** Run the command of this name: what it returns is the answer's `result`. */
    Object run(String name, JSONObject request) throws Throwable;
}
