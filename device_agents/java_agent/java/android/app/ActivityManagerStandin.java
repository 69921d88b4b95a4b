package android.app;

import android.app.IActivityManager.Stub;
import android.content.ComponentName;
import android.content.IIntentReceiver;
import android.content.Intent;
import android.content.IntentFilter;
import android.os.Binder;
import android.os.Bundle;
import android.os.Handler;
import android.os.IBinder;
import android.os.Looper;
import android.os.Parcel;
import android.os.Process;
import android.os.RemoteException;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.HashMap;
import java.util.List;
import java.util.Map;

/**
 * A stand-in for the activity manager, of whose own code Debian has nothing. It is in this package for the sake of the
 * codes of IActivityManager. Arguments are read and receivers are chosen by AOSP's classes; what a broadcast goes
 * through between the two, such as queues, users and permissions, is not here. Other methods throw in the caller.
 */
public class ActivityManagerStandin extends Binder {
    /** The code by which a process offers a service, which an application's manifest declares elsewhere. */
    public static final int OFFER_SERVICE = IBinder.LAST_CALL_TRANSACTION;

    private static final String DESCRIPTOR = "android.app.IActivityManager";
    /** Some of the protected broadcasts of the framework's manifest. */
    private static final List<String> PROTECTED = Arrays.asList(
            Intent.ACTION_BOOT_COMPLETED, Intent.ACTION_SHUTDOWN, Intent.ACTION_SCREEN_OFF, Intent.ACTION_SCREEN_ON);
    private static final int BROADCAST_SUCCESS = 0;

    private static class Receiver {
        IApplicationThread owner;
        IIntentReceiver receiver;
        IntentFilter filter;
    }

    private static class OfferedService {
        IApplicationThread owner;
        IBinder token;
        boolean requested;
        IBinder published;
        final List<IServiceConnection> waiting = new ArrayList<>();
    }

    private final List<Receiver> receivers = new ArrayList<>();
    private final Map<ComponentName, OfferedService> services = new HashMap<>();
    private final Handler handler = new Handler(Looper.getMainLooper());

    public ActivityManagerStandin() {
        attachInterface(null, DESCRIPTOR);
    }

    @Override
    protected boolean onTransact(int code, Parcel data, Parcel reply, int flags) throws RemoteException {
        if (code < FIRST_CALL_TRANSACTION || code > LAST_CALL_TRANSACTION) {
            return super.onTransact(code, data, reply, flags);
        }
        data.enforceInterface(DESCRIPTOR);
        switch (code) {
            case Stub.TRANSACTION_registerReceiver:
                registerReceiver(data);
                reply.writeNoException();
                reply.writeInt(0);  // no sticky Intent
                return true;
            case Stub.TRANSACTION_unregisterReceiver:
                unregisterReceiver(data.readStrongBinder());
                reply.writeNoException();
                return true;
            case Stub.TRANSACTION_broadcastIntent:
                broadcastIntent(data);
                reply.writeNoException();
                reply.writeInt(BROADCAST_SUCCESS);
                return true;
            case Stub.TRANSACTION_bindIsolatedService:
                boolean found = bindService(data);
                reply.writeNoException();
                reply.writeInt(found ? 1 : 0);
                return true;
            case Stub.TRANSACTION_publishService:
                publishService(data);
                reply.writeNoException();
                return true;
            case OFFER_SERVICE:
                offerService(data);
                reply.writeNoException();
                return true;
            default:
                String name = Stub.getDefaultTransactionName(code);
                throw new UnsupportedOperationException("The stand-in for the activity manager has no " + name);
        }
    }

    private void registerReceiver(Parcel data) {
        Receiver added = new Receiver();
        added.owner = IApplicationThread.Stub.asInterface(data.readStrongBinder());
        data.readString();  // package
        added.receiver = IIntentReceiver.Stub.asInterface(data.readStrongBinder());
        added.filter = data.readTypedObject(IntentFilter.CREATOR);
        synchronized (receivers) {
            receivers.add(added);
        }
    }

    private void unregisterReceiver(IBinder binder) {
        synchronized (receivers) {
            receivers.removeIf(each -> each.receiver.asBinder() == binder);
        }
    }

    private void broadcastIntent(Parcel data) {
        data.readStrongBinder();  // caller
        Intent intent = data.readTypedObject(Intent.CREATOR);
        String type = data.readString();
        boolean wantsResult = data.readStrongBinder() != null;
        data.readInt();
        data.readString();
        data.readTypedObject(Bundle.CREATOR);
        data.createStringArray();  // permissions
        data.readInt();
        data.readTypedObject(Bundle.CREATOR);
        boolean ordered = data.readInt() != 0;
        if (wantsResult || ordered) {
            throw new UnsupportedOperationException("The stand-in for the activity manager has no ordered broadcasts");
        }
        if (PROTECTED.contains(intent.getAction()) && Binder.getCallingUid() >= Process.SHELL_UID) {
            throw new SecurityException("Permission Denial: not allowed to send broadcast " + intent.getAction()
                    + " from pid=" + Binder.getCallingPid() + ", uid=" + Binder.getCallingUid());
        }
        handler.post(() -> deliver(intent, type));  // after the reply, which waits for no receiver
    }

    private void deliver(Intent intent, String type) {
        List<Receiver> chosen = new ArrayList<>();
        synchronized (receivers) {
            for (Receiver each : receivers) {
                boolean matches = each.filter.match(intent.getAction(), type, intent.getScheme(), intent.getData(),
                        intent.getCategories(), "standin") >= 0;
                if (matches) {
                    chosen.add(each);
                }
            }
        }
        for (Receiver each : chosen) {
            try {
                each.owner.scheduleRegisteredReceiver(each.receiver, intent, Activity.RESULT_OK, null, null, false,
                        false, 0, ActivityManager.PROCESS_STATE_RECEIVER);
            } catch (RemoteException undelivered) {  // it has ended, or the Intent is too large for it
                System.err.println("not delivered: " + undelivered);
            }
        }
    }

    private void offerService(Parcel data) {
        OfferedService service = new OfferedService();
        ComponentName name = data.readTypedObject(ComponentName.CREATOR);
        service.owner = IApplicationThread.Stub.asInterface(data.readStrongBinder());
        service.token = data.readStrongBinder();
        synchronized (services) {
            services.put(name, service);
        }
    }

    private boolean bindService(Parcel data) throws RemoteException {
        data.readStrongBinder();  // caller
        data.readStrongBinder();  // activity
        Intent intent = data.readTypedObject(Intent.CREATOR);
        data.readString();
        IServiceConnection connection = IServiceConnection.Stub.asInterface(data.readStrongBinder());
        synchronized (services) {
            OfferedService service = services.get(intent.getComponent());
            if (service == null) {
                return false;
            }
            if (service.published != null) {
                connection.connected(intent.getComponent(), service.published, false);
            } else {
                service.waiting.add(connection);
            }
            if (!service.requested) {
                service.requested = true;
                service.owner.scheduleBindService(service.token, intent, false, ActivityManager.PROCESS_STATE_SERVICE);
            }
            return true;
        }
    }

    private void publishService(Parcel data) throws RemoteException {
        IBinder token = data.readStrongBinder();
        Intent intent = data.readTypedObject(Intent.CREATOR);
        IBinder published = data.readStrongBinder();
        synchronized (services) {
            OfferedService service = services.get(intent.getComponent());
            if (service == null || service.token != token) {
                throw new IllegalArgumentException("No such service: " + intent.getComponent());
            }
            service.published = published;
            for (IServiceConnection each : service.waiting) {
                each.connected(intent.getComponent(), published, false);
            }
            service.waiting.clear();
        }
    }
}
