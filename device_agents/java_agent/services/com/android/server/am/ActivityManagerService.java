package com.android.server.am;

import android.content.ComponentName;
import android.content.IIntentReceiver;
import android.content.pm.ActivityInfo;
import android.content.pm.ApplicationInfo;
import android.content.pm.PackageManager;
import android.content.res.CompatibilityInfo;
import android.os.Process;
import android.util.SparseArray;
import com.android.server.AppOpsService;
import com.android.server.DeviceIdleController;
import com.android.server.firewall.IntentFirewall;

/**
 * What BroadcastQueue asks of the activity manager's service. Nothing is denied, and processes have no priorities; what it
 * asks about receivers in manifests throws, as there are no manifests.
 */
class ActivityManagerService {
    static final int FIRST_BROADCAST_QUEUE_MSG = 200;
    static final int MY_PID = Process.myPid();

    final DeviceIdleController.LocalService mLocalDeviceIdleController = null;
    final ActiveServices mServices = new ActiveServices();
    final AppOpsService mAppOpsService = new AppOpsService();
    final IntentFirewall mIntentFirewall = new IntentFirewall();
    final SparseArray<ProcessRecord> mPidsSelfLocked = new SparseArray<>();
    final Object mProcessStats = null;
    final boolean mProcessesReady = true;
    boolean mDidDexOpt;
    private final QueueOfAndroid6 broadcasts;

    ActivityManagerService(QueueOfAndroid6 broadcasts) {
        this.broadcasts = broadcasts;
    }

    /** Called when a receiver's process has ended. */
    void unregisterReceiver(IIntentReceiver receiver) {
        broadcasts.unregister(receiver.asBinder());
    }

    int checkComponentPermission(String permission, int pid, int uid, int owner, boolean exported) {
        return PackageManager.PERMISSION_GRANTED;
    }

    void appNotResponding(ProcessRecord app, Object activity, Object parent, boolean above, String annotation) {
        System.err.println(app + " does not respond: " + annotation);
    }

    void updateCpuStats() {}

    void updateOomAdjLocked() {}

    void updateOomAdjLocked(ProcessRecord app) {}

    void scheduleAppGcsLocked() {}

    void updateLruProcessLocked(ProcessRecord app, boolean activityChange, ProcessRecord client) {
        throw noManifest();
    }

    void ensurePackageDexOpt(String packageName) {
        throw noManifest();
    }

    CompatibilityInfo compatibilityInfoForPackageLocked(ApplicationInfo info) {
        throw noManifest();
    }

    boolean isSingleton(String process, ApplicationInfo info, String name, int flags) {
        throw noManifest();
    }

    boolean isValidSingletonCall(int callingUid, int componentUid) {
        throw noManifest();
    }

    ActivityInfo getActivityInfoForUser(ActivityInfo info, int user) {
        throw noManifest();
    }

    ProcessRecord getProcessRecordLocked(String process, int uid, boolean keepIfLarge) {
        throw noManifest();
    }

    ProcessRecord startProcessLocked(String process, ApplicationInfo info, boolean known, int flags, String type,
            ComponentName name, boolean whileBooting, boolean isolated, boolean keepIfLarge) {
        throw noManifest();
    }

    private static UnsupportedOperationException noManifest() {
        return new UnsupportedOperationException("There are no receivers in manifests here");
    }
}
