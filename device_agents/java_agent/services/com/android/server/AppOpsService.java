package com.android.server;

import android.app.AppOpsManager;

/** What BroadcastQueue asks about operations: all are allowed. */
public class AppOpsService {
    public int noteOperation(int operation, int uid, String packageName) {
        return AppOpsManager.MODE_ALLOWED;
    }
}
