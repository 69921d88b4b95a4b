package android.app;

import android.app.IActivityManager.Stub;
import android.content.ComponentName;
import android.content.IIntentReceiver;
import android.content.Intent;
import android.content.IntentFilter;
import android.os.Binder;
import android.os.Bundle;
import android.os.IBinder;
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
 * codes of IActivityManager. Arguments are read and receivers are chosen by AOSP's classes; between the two broadcasts are
 * in the queues of `Broadcasts`, without users and permissions. Other methods throw in the caller.
 */
public class ActivityManagerStandin extends Binder {
    /** The code by which a process offers a service, which an application's manifest declares elsewhere. */
    public static final int OFFER_SERVICE = IBinder.LAST_CALL_TRANSACTION;

    private static final String DESCRIPTOR = "android.app.IActivityManager";
    /** Some of the protected broadcasts of the framework's manifest. */
    private static final List<String> PROTECTED = Arrays.asList(
            Intent.ACTION_BOOT_COMPLETED, Intent.ACTION_SHUTDOWN, Intent.ACTION_SCREEN_OFF, Intent.ACTION_SCREEN_ON);
    private static final int BROADCAST_SUCCESS = 0;

    private static class OfferedService {
        IApplicationThread owner;
        IBinder token;
        boolean requested;
        IBinder published;
        final List<IServiceConnection> connections = new ArrayList<>();
    }

    /** The way of broadcasts to their receivers. */
    public final Broadcasts broadcasts;
    private final Map<ComponentName, OfferedService> services = new HashMap<>();

    /** With its own queue of broadcasts, or AOSP's where the agent was built with that. */
    public ActivityManagerStandin(boolean ownQueue) throws ReflectiveOperationException {
        broadcasts = ownQueue ? new OwnQueue() : Broadcasts.create();
        attachInterface(null, DESCRIPTOR);
    }

    @Override
    protected boolean onTransact(int code, Parcel data, Parcel reply, int flags) throws RemoteException {
        if (code < FIRST_CALL_TRANSACTION || code > LAST_CALL_TRANSACTION) {
            return super.onTransact(code, data, reply, flags);
        }
        data.enforceInterface(DESCRIPTOR);
        switch (code) {
            case PerRelease.REGISTER_RECEIVER:
                registerReceiver(data);
                reply.writeNoException();
                reply.writeInt(0);  // no sticky Intent
                return true;
            case Stub.TRANSACTION_unregisterReceiver:
                broadcasts.unregister(data.readStrongBinder());
                reply.writeNoException();
                return true;
            case PerRelease.BROADCAST_INTENT:
                broadcastIntent(data);
                reply.writeNoException();
                reply.writeInt(BROADCAST_SUCCESS);
                return true;
            case PerRelease.BIND_SERVICE:
                boolean found = bindService(data);
                reply.writeNoException();
                reply.writeInt(found ? 1 : 0);
                return true;
            case Stub.TRANSACTION_unbindService:
                boolean bound = unbindService(data.readStrongBinder());
                reply.writeNoException();
                reply.writeInt(bound ? 1 : 0);
                return true;
            case Stub.TRANSACTION_serviceDoneExecuting:
                return true;  // one-way; what may run meanwhile is not restricted here
            case Stub.TRANSACTION_finishReceiver:
                finishReceiver(data);
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

    private void registerReceiver(Parcel data) throws RemoteException {
        Broadcasts.Caller by = new Broadcasts.Caller(data.readStrongBinder());
        String packageName = data.readString();
        PerRelease.skipReceiverNames(data);
        IIntentReceiver receiver = IIntentReceiver.Stub.asInterface(data.readStrongBinder());
        broadcasts.register(by, packageName, receiver, data.readTypedObject(IntentFilter.CREATOR));
    }

    private void broadcastIntent(Parcel data) {
        Broadcasts.Caller by = new Broadcasts.Caller(data.readStrongBinder());
        PerRelease.skipFeature(data);
        Intent intent = data.readTypedObject(Intent.CREATOR);
        String type = data.readString();
        IIntentReceiver resultTo = IIntentReceiver.Stub.asInterface(data.readStrongBinder());
        Broadcasts.Result result = readResult(data);
        PerRelease.skipPermissions(data);
        data.readInt();
        data.readTypedObject(Bundle.CREATOR);
        boolean ordered = data.readInt() != 0;
        boolean sticky = data.readInt() != 0;
        if (sticky || (resultTo != null && !ordered)) {
            throw new UnsupportedOperationException("The stand-in for the activity manager has no "
                    + (sticky ? "sticky broadcasts" : "results of broadcasts that are not ordered"));
        }
        if (PROTECTED.contains(intent.getAction()) && Binder.getCallingUid() >= Process.SHELL_UID) {
            throw new SecurityException("Permission Denial: not allowed to send broadcast " + intent.getAction()
                    + " from pid=" + Binder.getCallingPid() + ", uid=" + Binder.getCallingUid());
        }
        broadcasts.send(by, intent, type, resultTo, result, ordered);
    }

    private static Broadcasts.Result readResult(Parcel data) {
        return new Broadcasts.Result(data.readInt(), data.readString(), data.readTypedObject(Bundle.CREATOR));
    }

    private void finishReceiver(Parcel data) {
        IBinder receiver = data.readStrongBinder();
        Broadcasts.Result result = readResult(data);
        broadcasts.finish(receiver, result, data.readInt() != 0);
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
            service.connections.add(connection);
            if (service.published != null) {
                connection.connected(intent.getComponent(), service.published, false);
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
            for (IServiceConnection each : service.connections) {
                each.connected(intent.getComponent(), published, false);
            }
        }
    }

    /** Without clients a service is told so; its object is forgotten, as its process may destroy it. */
    private boolean unbindService(IBinder connection) throws RemoteException {
        boolean found = false;
        synchronized (services) {
            for (Map.Entry<ComponentName, OfferedService> each : services.entrySet()) {
                OfferedService service = each.getValue();
                if (!service.connections.removeIf(one -> one.asBinder() == connection)) {
                    continue;
                }
                found = true;
                if (service.connections.isEmpty()) {
                    service.requested = false;
                    service.published = null;
                    service.owner.scheduleUnbindService(service.token, new Intent().setComponent(each.getKey()));
                }
            }
        }
        return found;
    }
}
