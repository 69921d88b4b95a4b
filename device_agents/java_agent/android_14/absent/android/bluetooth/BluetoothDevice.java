package android.bluetooth;

import android.content.AttributionSource;
import android.os.Parcelable;

/** What Intent asks of a class that is in a module of its own. */
public abstract class BluetoothDevice implements Parcelable {
    public static final String EXTRA_DEVICE = "android.bluetooth.device.extra.DEVICE";

    public abstract void prepareToEnterProcess(AttributionSource source);
}
