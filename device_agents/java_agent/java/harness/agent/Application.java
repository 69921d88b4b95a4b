package harness.agent;

import android.app.ActivityManagerStandin;
import android.app.ApplicationContext;
import android.app.Service;
import android.content.BroadcastReceiver;
import android.content.ComponentName;
import android.content.Context;
import android.content.Intent;
import android.content.IntentFilter;
import android.content.ServiceConnection;
import android.os.Binder;
import android.os.Bundle;
import android.os.Handler;
import android.os.IBinder;
import android.os.Looper;
import android.os.Parcel;
import android.os.RemoteException;
import android.os.ServiceManager;
import java.io.PrintWriter;
import java.io.StringWriter;
import java.util.HashMap;
import java.util.Map;
import java.util.concurrent.BlockingQueue;
import java.util.concurrent.FutureTask;
import java.util.concurrent.LinkedBlockingQueue;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicInteger;
import org.json.JSONArray;
import org.json.JSONException;
import org.json.JSONObject;

/** Commands of an application: android.app.ContextImpl sends broadcasts, receives them and binds services. */
class Application implements Commands {
    private static final BlockingQueue<JSONObject> received = new LinkedBlockingQueue<>();
    private static final BlockingQueue<JSONObject> connections = new LinkedBlockingQueue<>();
    private static final BlockingQueue<JSONObject> results = new LinkedBlockingQueue<>();
    private static final BlockingQueue<Boolean> unbinds = new LinkedBlockingQueue<>();
    private static final Map<ComponentName, ServiceConnection> bound = new HashMap<>();
    private static final AtomicInteger binds = new AtomicInteger();
    private static ApplicationContext application;
    private static ActivityManagerStandin standin;

    @Override
    public Object run(String name, JSONObject request) throws Exception {
        switch (name) {
            case "serveActivityManager":
                standin = new ActivityManagerStandin(request.optBoolean("own_queue"));
                ServiceManager.addService(Context.ACTIVITY_SERVICE, standin);
                return standin.broadcasts.release();
            case "dumpBroadcasts":
                StringWriter dump = new StringWriter();
                standin.broadcasts.dump(new PrintWriter(dump, true));
                return dump.toString();
            case "sendBroadcast":
                application().context.sendBroadcast(Values.broadcast(request));
                return null;
            case "sendOrderedBroadcast":
                return sendOrderedBroadcast(request);
            case "result":
                return results.poll(request.getInt("seconds"), TimeUnit.SECONDS);
            case "registerReceiver":
                return registerReceiver(request);
            case "received":
                return received.poll(request.getInt("seconds"), TimeUnit.SECONDS);
            case "offerService":
                return offerService(request);
            case "binds":
                return binds.get();
            case "bindService":
                return bindService(request);
            case "unbindService":
                return unbindService(request);
            case "unbound":
                return unbinds.poll(request.getInt("seconds"), TimeUnit.SECONDS);
            case "connected":
                return connections.poll(request.getInt("seconds"), TimeUnit.SECONDS);
            case "getSystemService":
                return Services.managers(application().context, request.getString("name"));
            default:
                return ANOTHER;
        }
    }

    /** The application's context, made at the first use on the main thread. */
    static ApplicationContext application() throws Exception {
        if (application == null) {
            FutureTask<ApplicationContext> making = new FutureTask<>(ApplicationContext::new);
            if (Looper.myLooper() == Looper.getMainLooper()) {
                making.run();
            } else {
                new Handler(Looper.getMainLooper()).post(making);
            }
            application = making.get();
        }
        return application;
    }

    private static Object sendOrderedBroadcast(JSONObject request) throws Exception {
        JSONObject initial = request.getJSONObject("result");
        BroadcastReceiver last = new BroadcastReceiver() {
            @Override
            public void onReceive(Context context, Intent intent) {
                results.add(result(this));
            }
        };
        application().context.sendOrderedBroadcast(Values.intent(request.getJSONObject("intent")), null, last, null,
                initial.getInt("code"), Values.text(initial, "data"), extras(initial));
        return null;
    }

    /** What the receiver before has finished with. */
    private static JSONObject result(BroadcastReceiver receiver) {
        try {
            Bundle extras = receiver.getResultExtras(false);
            return new JSONObject()
                    .put("code", receiver.getResultCode())
                    .putOpt("data", receiver.getResultData())
                    .putOpt("extras", extras == null ? null : Values.describe(extras));
        } catch (JSONException impossible) {
            throw new AssertionError(impossible);
        }
    }

    private static Bundle extras(JSONObject result) throws JSONException {
        return result.has("extras") ? Values.bundle(result.getJSONObject("extras")) : null;
    }

    private static void finishWith(BroadcastReceiver receiver, JSONObject result) {
        try {
            receiver.setResult(result.getInt("code"), Values.text(result, "data"), extras(result));
            if (result.optBoolean("abort")) {
                receiver.abortBroadcast();
            }
        } catch (JSONException wrong) {
            throw new IllegalArgumentException(wrong);
        }
    }

    private static Object registerReceiver(JSONObject request) throws Exception {
        IntentFilter filter = new IntentFilter();
        JSONArray actions = request.getJSONArray("actions");
        for (int at = 0; at < actions.length(); at++) {
            filter.addAction(actions.getString(at));
        }
        filter.setPriority(request.getInt("priority"));
        JSONObject result = request.optJSONObject("result");
        application().context.registerReceiver(new BroadcastReceiver() {
            @Override
            public void onReceive(Context context, Intent intent) {
                JSONObject described = described(intent, this);
                if (isOrderedBroadcast() && result != null) {
                    finishWith(this, result);
                }
                received.add(described);
            }
        }, filter);
        return null;
    }

    static JSONObject described(Intent intent, BroadcastReceiver receiver) {
        try {
            JSONObject described = new JSONObject();
            byte[] data = intent.getByteArrayExtra("data");
            if (data != null) {
                described.put("size", data.length);
                intent.removeExtra("data");
            }
            described.put("intent", Values.describe(intent));
            if (receiver.isOrderedBroadcast()) {
                described.put("result", result(receiver));
            }
            described.put("thread", Thread.currentThread().getName());
            return described.put("stack", Throwables.frames(new Throwable(), 1));
        } catch (JSONException impossible) {
            throw new AssertionError(impossible);
        }
    }

    private static ComponentName component(JSONObject request) throws JSONException {
        JSONArray names = request.getJSONArray("component");
        return new ComponentName(names.getString(0), names.getString(1));
    }

    /** A service whose object numbers the calls to it. */
    private static class CountingService extends Service {
        private final String descriptor;
        private final AtomicInteger calls = new AtomicInteger();

        CountingService(String descriptor) {
            this.descriptor = descriptor;
        }

        @Override
        public boolean onUnbind(Intent intent) {
            unbinds.add(true);
            return super.onUnbind(intent);
        }

        @Override
        public IBinder onBind(Intent intent) {
            binds.incrementAndGet();
            return new Binder() {
                @Override
                protected boolean onTransact(int code, Parcel data, Parcel reply, int flags) throws RemoteException {
                    if (code != FIRST_CALL_TRANSACTION) {
                        return super.onTransact(code, data, reply, flags);
                    }
                    data.enforceInterface(descriptor);
                    reply.writeNoException();
                    reply.writeInt(calls.incrementAndGet());
                    return true;
                }
            };
        }
    }

    private static Object unbindService(JSONObject request) throws Exception {
        ServiceConnection connection = bound.remove(component(request));
        if (connection == null) {
            throw new IllegalStateException("This process has not bound " + component(request));
        }
        application().context.unbindService(connection);
        return null;
    }

    private static Object offerService(JSONObject request) throws Exception {
        Binder token = new Binder();
        application().addService(new CountingService(request.getString("interface")), token);
        Parcel data = Parcel.obtain();
        Parcel reply = Parcel.obtain();
        try {
            data.writeInterfaceToken("android.app.IActivityManager");
            data.writeTypedObject(component(request), 0);
            data.writeStrongBinder(application().applicationThread());
            data.writeStrongBinder(token);
            IBinder manager = ServiceManager.getService(Context.ACTIVITY_SERVICE);
            manager.transact(ActivityManagerStandin.OFFER_SERVICE, data, reply, 0);
            reply.readException();
        } finally {
            data.recycle();
            reply.recycle();
        }
        return null;
    }

    private static Object bindService(JSONObject request) throws Exception {
        Intent intent = new Intent().setComponent(component(request));
        ServiceConnection connection = new ServiceConnection() {
            @Override
            public void onServiceConnected(ComponentName name, IBinder service) {
                try {
                    connections.add(new JSONObject().put("binder", Binders.number(service)));
                } catch (JSONException impossible) {
                    throw new AssertionError(impossible);
                }
            }

            @Override
            public void onServiceDisconnected(ComponentName name) {}
        };
        bound.put(intent.getComponent(), connection);
        return application().context.bindService(intent, connection, Context.BIND_AUTO_CREATE);
    }
}
