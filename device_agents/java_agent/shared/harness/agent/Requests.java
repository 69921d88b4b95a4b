package harness.agent;

import android.os.Process;
import java.io.BufferedReader;
import java.io.IOException;
import java.io.InputStreamReader;
import java.io.PrintStream;
import java.nio.charset.StandardCharsets;
import org.json.JSONArray;
import org.json.JSONException;
import org.json.JSONObject;

/**
 * Answers the host's requests, one after the other.
 *
 * <p>A line of standard input is a request, a JSON object whose member `do` names a command and whose other members are
 * its arguments; with `stacks`, the answer has the transactions that were sent meanwhile. A line of standard output is
 * the answer: `result`, or `thrown`, with the exception's `class`, `message` and `stack`. The first line has the
 * process id as its result. Text is ASCII, other characters are escaped. The process ends with its input.
 */
class Requests implements Runnable {
    private final Commands[] kinds;

    Requests(Commands... kinds) {
        this.kinds = kinds;
    }

    @Override
    public void run() {
        PrintStream output = System.out;
        say(output, answered("result", Process.myPid()));
        try {
            BufferedReader input = new BufferedReader(new InputStreamReader(System.in, StandardCharsets.US_ASCII));
            for (String line; (line = input.readLine()) != null; ) {
                say(output, answer(line));
            }
        } catch (IOException ended) {
            ended.printStackTrace();
        }
        System.exit(0);
    }

    JSONObject answer(String line) {
        JSONArray calls = null;
        JSONObject answer;
        try {
            JSONObject request = new JSONObject(line);
            calls = request.optBoolean("stacks") ? Stacks.begin() : null;
            Object result = result(request);
            answer = answered("result", result == null ? JSONObject.NULL : result);
        } catch (Throwable thrown) {
            answer = answered("thrown", Throwables.describe(thrown));
        } finally {
            if (calls != null) {
                Stacks.end();
            }
        }
        return calls == null ? answer : with(answer, "calls", calls);
    }

    private Object result(JSONObject request) throws Throwable {
        String name = request.getString("do");
        for (Commands kind : kinds) {
            Object result = kind.run(name, request);
            if (result != Commands.ANOTHER) {
                return result;
            }
        }
        throw new IllegalArgumentException("There is no command " + name);
    }

    private static JSONObject answered(String name, Object value) {
        return with(new JSONObject(), name, value);
    }

    private static JSONObject with(JSONObject object, String name, Object value) {
        try {
            return object.put(name, value);
        } catch (JSONException impossible) {
            throw new AssertionError(impossible);
        }
    }

    private static void say(PrintStream output, JSONObject answer) {
        StringBuilder line = new StringBuilder();
        for (char each : answer.toString().toCharArray()) {
            if (each < 0x7f) {
                line.append(each);
            } else {
                line.append(String.format("\\u%04x", (int) each));
            }
        }
        output.println(line);
        output.flush();
    }
}
