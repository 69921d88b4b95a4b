package android.net;

import android.content.Context;
import android.os.IBinder;
import java.util.function.Supplier;

/** A manager in a module of its own, which the system's registry has to name. */
public class TetheringManager {
    public TetheringManager(Context context, Supplier<IBinder> service) {
        throw new UnsupportedOperationException("The module of tethering is not here");
    }
}
