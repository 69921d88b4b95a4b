package com.android.server.firewall;

import android.content.Intent;

/** What BroadcastQueue asks about Intents: all pass. */
public class IntentFirewall {
    public boolean checkBroadcast(Intent intent, int callerUid, int callerPid, String type, int receiverUid) {
        return true;
    }
}
