package com.android.server.am;

import android.app.IApplicationThread;

/** What BroadcastQueue knows of a process. */
class ProcessRecord {
    final IApplicationThread thread;
    final int pid;
    final int uid;
    final String processName;
    final boolean crashing = false;
    int repProcState;
    BroadcastRecord curReceiver;

    ProcessRecord(IApplicationThread thread, int pid, int uid) {
        this.thread = thread;
        this.pid = pid;
        this.uid = uid;
        processName = "pid" + pid;
    }

    void forceProcessStateUpTo(int state) {
        repProcState = state;
    }

    boolean addPackage(String packageName, int version, Object stats) {
        return false;
    }

    String toShortString() {
        return "ProcessRecord{" + Integer.toHexString(System.identityHashCode(this)) + " " + pid + ":" + processName + "/"
                + uid + "}";
    }

    @Override
    public String toString() {
        return toShortString();
    }
}
