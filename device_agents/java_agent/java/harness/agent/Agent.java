package harness.agent;

import android.os.Looper;
import com.android.internal.os.BinderInternal;
import java.io.BufferedReader;
import java.io.IOException;
import java.io.InputStreamReader;
import java.io.PrintStream;
import java.nio.charset.StandardCharsets;
import java.util.HashMap;
import java.util.Map;
import org.json.JSONArray;
import org.json.JSONException;
import org.json.JSONObject;

/**
 * A process in which AOSP's framework runs, and which the host directs.
 *
 * <p>A line of standard input is a request, a JSON object whose member `do` names a command and whose other members are
 * its arguments; with `stacks`, the answer has the transactions that were sent meanwhile. A line of standard output is
 * the answer: `result`, or `thrown`, with the exception's `class`, `message` and `stack`. The first line has the
 * process id as its result. Text is ASCII, other characters are escaped. The process ends with its input.
 */
public class Agent {
    /** A command: what it returns is the answer's `result`. */
    interface Command {
        Object run(JSONObject request) throws Throwable;
    }

    private static final Map<String, Command> commands = new HashMap<>();

    public static void main(String[] words) throws Throwable {
        System.load(System.getProperty("harness.runtime"));
        Services.addTo(commands);
        Parcels.addTo(commands);
        Application.addTo(commands);
        commands.put("events", request -> Events.taken());
        commands.put("setUid", request -> {
            int error = android.os.Process.setUid(request.getInt("uid"));
            if (error != 0) {
                throw new IllegalStateException("setuid failed with errno " + error);
            }
            return null;
        });
        Looper.prepareMainLooper();
        if (words.length == 1 && words[0].equals("--rehearse")) {
            Rehearsal.run(commands);
            return;
        }
        Thread.setDefaultUncaughtExceptionHandler((thread, thrown) -> {
            thrown.printStackTrace();
            System.exit(1);
        });
        new Thread(BinderInternal::joinThreadPool, "Binder pool").start();
        new Thread(Agent::answerAll, "commands").start();
        Looper.loop();
    }

    private static void answerAll() {
        PrintStream output = System.out;
        say(output, answered("result", android.os.Process.myPid()));
        try {
            BufferedReader input = new BufferedReader(new InputStreamReader(System.in, StandardCharsets.US_ASCII));
            for (String line; (line = input.readLine()) != null; ) {
                say(output, answer(commands, line));
            }
        } catch (IOException ended) {
            ended.printStackTrace();
        }
        System.exit(0);
    }

    static JSONObject answer(Map<String, Command> commands, String line) {
        JSONArray calls = null;
        JSONObject answer;
        try {
            JSONObject request = new JSONObject(line);
            Command command = commands.get(request.getString("do"));
            if (command == null) {
                throw new IllegalArgumentException("There is no command " + request.getString("do"));
            }
            calls = request.optBoolean("stacks") ? Stacks.begin() : null;
            Object result = command.run(request);
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
