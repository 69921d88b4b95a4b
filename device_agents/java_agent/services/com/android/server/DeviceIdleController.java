package com.android.server;

/** What BroadcastQueue asks of it: nothing, as no device idles here. */
public class DeviceIdleController {
    /** Its interface within the system server. */
    public interface LocalService {
        void addPowerSaveTempWhitelistAppDirect(int app, long duration, boolean sync, String reason);
    }
}
