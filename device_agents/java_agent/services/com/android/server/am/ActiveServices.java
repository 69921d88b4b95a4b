package com.android.server.am;

/** What BroadcastQueue asks of the services: none is in the background. */
class ActiveServices {
    boolean hasBackgroundServices(int user) {
        return false;
    }
}
