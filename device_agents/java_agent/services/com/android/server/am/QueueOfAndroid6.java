package com.android.server.am;

import android.app.AppOpsManager;
import android.app.Broadcasts;
import android.content.IIntentReceiver;
import android.content.Intent;
import android.content.IntentFilter;
import android.os.Bundle;
import android.os.Handler;
import android.os.IBinder;
import android.os.Looper;
import android.os.RemoteException;
import android.os.SystemProperties;
import android.os.UserHandle;
import com.android.server.IntentResolver;
import java.io.PrintWriter;
import java.util.HashMap;
import java.util.List;
import java.util.Map;

/**
 * AOSP's BroadcastQueue of Android 6, with its BroadcastRecord, BroadcastFilter, ReceiverList and IntentResolver: which
 * receivers match, in which order they get a broadcast, how long they may take, and what becomes of results is theirs. It
 * is called as ActivityManagerService calls its queue for the foreground.
 */
public class QueueOfAndroid6 extends Broadcasts {
    private static final int RELEASE = 6;
    private static final long TIMEOUT_MS = 10_000;  // ActivityManagerService.java, BROADCAST_FG_TIMEOUT

    static {
        // BroadcastQueue asks ActivityManager about the device's memory, and that uses Build, which needs this.
        String abi = System.getProperty("os.arch").equals("amd64") ? "x86_64" : "arm64-v8a";
        SystemProperties.set("ro.product.cpu.abilist64", abi);
    }

    private final ActivityManagerService service = new ActivityManagerService(this);
    private final BroadcastQueue queue =
            new BroadcastQueue(service, new Handler(Looper.getMainLooper()), "foreground", TIMEOUT_MS, false);
    private final Map<IBinder, ProcessRecord> processes = new HashMap<>();
    private final Map<IBinder, ReceiverList> receivers = new HashMap<>();
    private final Filters filters = new Filters();

    /** Of several filters of one receiver that match, it gets a broadcast by the first. */
    private static class Filters extends IntentResolver<BroadcastFilter, BroadcastFilter> {
        @Override
        protected boolean allowFilterResult(BroadcastFilter filter, List<BroadcastFilter> found) {
            return found.stream().noneMatch(each -> each.receiverList == filter.receiverList);
        }

        @Override
        protected boolean isPackageForFilter(String packageName, BroadcastFilter filter) {
            return packageName.equals(filter.packageName);
        }

        @Override
        protected BroadcastFilter[] newArray(int size) {
            return new BroadcastFilter[size];
        }
    }

    @Override
    public Integer release() {
        return RELEASE;
    }

    private ProcessRecord processOf(Caller caller) {
        return processes.computeIfAbsent(
                caller.thread.asBinder(), thread -> new ProcessRecord(caller.thread, caller.pid, caller.uid));
    }

    @Override
    public void register(Caller by, String packageName, IIntentReceiver receiver, IntentFilter filter)
            throws RemoteException {
        IBinder binder = receiver.asBinder();
        synchronized (service) {
            ReceiverList list = receivers.get(binder);
            if (list == null) {
                list = new ReceiverList(service, processOf(by), by.pid, by.uid, UserHandle.USER_SYSTEM, receiver);
                binder.linkToDeath(list, 0);
                list.linkedToDeath = true;
                receivers.put(binder, list);
            }
            BroadcastFilter added =
                    new BroadcastFilter(filter, list, packageName, null, by.uid, UserHandle.USER_SYSTEM);
            list.add(added);
            filters.addFilter(added);
        }
    }

    @Override
    public void unregister(IBinder binder) {
        synchronized (service) {
            ReceiverList list = receivers.remove(binder);
            if (list == null) {
                return;
            }
            if (list.linkedToDeath) {
                binder.unlinkToDeath(list, 0);
            }
            list.forEach(filters::removeFilter);
            BroadcastRecord current = queue.getMatchingOrderedReceiver(binder);
            if (current != null) {
                finish(current, current.resultCode, current.resultData, current.resultExtras, false);
            }
        }
    }

    @Override
    public void send(
            Caller by, Intent intent, String type, IIntentReceiver resultTo, Result result, boolean ordered) {
        synchronized (service) {
            List<BroadcastFilter> found = filters.queryIntent(intent, type, false, UserHandle.USER_SYSTEM);
            BroadcastRecord record = new BroadcastRecord(queue, intent, processOf(by), null, by.pid, by.uid, type, null,
                    AppOpsManager.OP_NONE, null, found, resultTo, result.code, result.data, result.extras, ordered,
                    false, false, UserHandle.USER_SYSTEM);
            if (ordered) {
                queue.enqueueOrderedBroadcastLocked(record);
            } else {
                queue.enqueueParallelBroadcastLocked(record);
            }
            queue.scheduleBroadcastsLocked();
        }
    }

    @Override
    public void finish(IBinder receiver, Result result, boolean abort) {
        synchronized (service) {
            BroadcastRecord record = queue.getMatchingOrderedReceiver(receiver);
            if (record != null) {
                finish(record, result.code, result.data, result.extras, abort);
            }
        }
    }

    private void finish(BroadcastRecord record, int code, String data, Bundle extras, boolean abort) {
        if (queue.finishReceiverLocked(record, code, data, extras, abort, true)) {
            queue.processNextBroadcast(false);
        }
    }

    @Override
    public void dump(PrintWriter writer) {
        synchronized (service) {
            queue.dumpLocked(null, writer, new String[0], 0, true, null, false);
        }
    }
}
