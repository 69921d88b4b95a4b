package harness.agent;

import org.json.JSONArray;
import org.json.JSONException;
import org.json.JSONObject;

/** Exceptions and stacks as JSON. */
class Throwables {
    static JSONObject describe(Throwable thrown) {
        try {
            JSONObject described = new JSONObject();
            described.put("class", thrown.getClass().getName());
            described.put("message", thrown.getMessage() == null ? JSONObject.NULL : thrown.getMessage());
            described.put("stack", frames(thrown, 0));
            if (thrown.getCause() != null) {
                described.put("cause", describe(thrown.getCause()));
            }
            return described;
        } catch (JSONException impossible) {
            throw new AssertionError(impossible);
        }
    }

    /** The stack from the innermost method on, but for its first frames. */
    static JSONArray frames(Throwable thrown, int left) {
        JSONArray frames = new JSONArray();
        StackTraceElement[] stack = thrown.getStackTrace();
        for (int at = left; at < stack.length; at++) {
            frames.put(stack[at].toString());
        }
        return frames;
    }
}
