package harness.agent;

import android.content.Context;
import android.os.Binder;
import android.os.IBinder;
import android.os.Parcel;
import android.os.RemoteException;
import android.os.ServiceManager;
import android.util.ArrayMap;
import java.util.Arrays;
import java.util.Map;
import org.json.JSONArray;
import org.json.JSONException;
import org.json.JSONObject;

/** Commands with services: android.os.ServiceManager, calls, and services in Java. */
class Services implements Commands {
    @Override
    public Object run(String name, JSONObject request) throws JSONException, RemoteException {
        switch (name) {
            case "list":
                return new JSONArray(Arrays.asList(ServiceManager.listServices()));
            case "check":
                return Binders.number(ServiceManager.checkService(request.getString("name")));
            case "get":
                return get(request);
            case "initServiceCache":
                return initServiceCache(request);
            case "add":
                return add(request);
            case "transact":
                return transact(request);
            default:
                return ANOTHER;
        }
    }

    /** The service's number, `times` times one after the other. */
    private static Object get(JSONObject request) throws JSONException {
        JSONArray numbers = new JSONArray();
        for (int at = 0; at < request.optInt("times", 1); at++) {
            numbers.put(Binders.number(ServiceManager.getService(request.getString("name"))));
        }
        return numbers;
    }

    /** What ActivityThread.bindApplication does with the services that the activity manager hands to an application. */
    private static Object initServiceCache(JSONObject request) throws JSONException {
        Map<String, IBinder> cache = new ArrayMap<>();
        JSONArray names = request.getJSONArray("names");
        for (int at = 0; at < names.length(); at++) {
            cache.put(names.getString(at), ServiceManager.getService(names.getString(at)));
        }
        ServiceManager.initServiceCache(cache);
        return null;
    }

    private static Object add(JSONObject request) throws JSONException {
        Binder service = new ScriptedBinder(request.getString("interface"), request.getJSONObject("answers"));
        ServiceManager.addService(request.getString("name"), service);
        return Binders.number(service);
    }

    /** A call with `data`, hexadecimal, or `size` bytes as a byte[]: what the reply holds after no exception. */
    private static Object transact(JSONObject request) throws JSONException, RemoteException {
        IBinder binder = Binders.numbered(request.getInt("binder"));
        Parcel data = Parcel.obtain();
        Parcel reply = Parcel.obtain();
        try {
            data.writeInterfaceToken(request.getString("interface"));
            if (request.has("size")) {
                data.writeByteArray(new byte[request.getInt("size")]);
            } else {
                Parcels.append(data, Hex.bytes(request.getString("data")));
            }
            boolean oneWay = request.optBoolean("one_way");
            binder.transact(request.getInt("code"), data, reply, oneWay ? IBinder.FLAG_ONEWAY : 0);
            if (oneWay) {
                return null;
            }
            reply.readException();
            byte[] whole = reply.marshall();
            return Hex.of(Arrays.copyOfRange(whole, reply.dataPosition(), whole.length));
        } finally {
            data.recycle();
            reply.recycle();
        }
    }

    /** The class of a context's manager object, and whether a second call returns the same object. */
    static JSONObject managers(Context context, String name) throws JSONException {
        Object first = context.getSystemService(name);
        boolean same = first == context.getSystemService(name);
        String type = first == null ? null : first.getClass().getName();
        return new JSONObject().put("class", type == null ? JSONObject.NULL : type).put("same", same);
    }
}
