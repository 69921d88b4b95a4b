package harness.agent;

import android.os.IBinder;
import java.util.ArrayList;
import java.util.List;
import org.json.JSONObject;

/** Numbers for the binders that the host knows: one object has one number. */
class Binders {
    private static final List<IBinder> known = new ArrayList<>();

    static synchronized Object number(IBinder binder) {
        if (binder == null) {
            return JSONObject.NULL;
        }
        for (int at = 0; at < known.size(); at++) {
            if (known.get(at) == binder) {
                return at;
            }
        }
        known.add(binder);
        return known.size() - 1;
    }

    static synchronized IBinder numbered(int number) {
        return known.get(number);
    }
}
