package harness.agent;

import android.content.ComponentName;
import android.content.Intent;
import android.graphics.Rect;
import android.net.Uri;
import android.os.Bundle;
import java.io.Serializable;
import java.util.ArrayList;
import java.util.Iterator;
import java.util.List;
import org.json.JSONArray;
import org.json.JSONException;
import org.json.JSONObject;

/**
 * Intents, bundles and their values as JSON, and back. A value is an array: the name of its class, and its content. 64
 * bits, and the bits of floating-point numbers, are decimal text; bytes are hexadecimal text.
 */
class Values {
    static Bundle bundle(JSONObject described) throws JSONException {
        Bundle bundle = new Bundle();
        for (Iterator<String> keys = described.keys(); keys.hasNext(); ) {
            String key = keys.next();
            put(bundle, key, described.getJSONArray(key));
        }
        return bundle;
    }

    private static void put(Bundle bundle, String key, JSONArray described) throws JSONException {
        Object value = value(described);
        if (value instanceof Bundle) {
            bundle.putBundle(key, (Bundle) value);
        } else if (value == null || value instanceof String) {
            bundle.putString(key, (String) value);
        } else if (value instanceof Integer) {
            bundle.putInt(key, (Integer) value);
        } else if (value instanceof Long) {
            bundle.putLong(key, (Long) value);
        } else if (value instanceof Short) {
            bundle.putShort(key, (Short) value);
        } else if (value instanceof Byte) {
            bundle.putByte(key, (Byte) value);
        } else if (value instanceof Boolean) {
            bundle.putBoolean(key, (Boolean) value);
        } else if (value instanceof Float) {
            bundle.putFloat(key, (Float) value);
        } else if (value instanceof Double) {
            bundle.putDouble(key, (Double) value);
        } else {
            bundle.putSerializable(key, (Serializable) value);  // arrays and lists, which have types of their own
        }
    }

    static Object value(JSONArray described) throws JSONException {
        String type = described.getString(0);
        switch (type) {
            case "null":
                return null;
            case "String":
                return described.getString(1);
            case "Integer":
                return described.getInt(1);
            case "Long":
                return Long.valueOf(described.getString(1));
            case "Short":
                return (short) described.getInt(1);
            case "Byte":
                return (byte) described.getInt(1);
            case "Boolean":
                return described.getBoolean(1);
            case "Float":
                return Float.intBitsToFloat(Integer.parseInt(described.getString(1)));
            case "Double":
                return Double.longBitsToDouble(Long.parseLong(described.getString(1)));
            case "byte[]":
                return Hex.bytes(described.getString(1));
            case "Bundle":
                return bundle(described.getJSONObject(1));
            default:
                return array(type, described.getJSONArray(1));
        }
    }

    private static Object array(String type, JSONArray content) throws JSONException {
        int length = content.length();
        switch (type) {
            case "String[]":
                String[] strings = new String[length];
                for (int at = 0; at < length; at++) {
                    strings[at] = content.isNull(at) ? null : content.getString(at);
                }
                return strings;
            case "int[]":
                int[] ints = new int[length];
                for (int at = 0; at < length; at++) {
                    ints[at] = content.getInt(at);
                }
                return ints;
            case "long[]":
                long[] longs = new long[length];
                for (int at = 0; at < length; at++) {
                    longs[at] = Long.parseLong(content.getString(at));
                }
                return longs;
            case "boolean[]":
                boolean[] booleans = new boolean[length];
                for (int at = 0; at < length; at++) {
                    booleans[at] = content.getBoolean(at);
                }
                return booleans;
            case "ArrayList":
                ArrayList<Object> list = new ArrayList<>();
                for (int at = 0; at < length; at++) {
                    list.add(value(content.getJSONArray(at)));
                }
                return list;
            default:
                throw new IllegalArgumentException("There is no type " + type + " here");
        }
    }

    static Object describe(Bundle bundle) throws JSONException {
        if (bundle == null) {
            return JSONObject.NULL;
        }
        JSONObject described = new JSONObject();
        for (String key : bundle.keySet()) {
            described.put(key, describe(bundle.get(key)));
        }
        return described;
    }

    private static JSONArray describe(Object value) throws JSONException {
        if (value == null) {
            return new JSONArray().put("null");
        }
        if (value instanceof Bundle) {
            return typed("Bundle", describe((Bundle) value));
        }
        if (value instanceof byte[]) {
            return typed("byte[]", Hex.of((byte[]) value));
        }
        JSONArray content = new JSONArray();
        if (value instanceof String[]) {
            for (String each : (String[]) value) {
                content.put(each == null ? JSONObject.NULL : each);
            }
        } else if (value instanceof int[]) {
            for (int each : (int[]) value) {
                content.put(each);
            }
        } else if (value instanceof long[]) {
            for (long each : (long[]) value) {
                content.put(String.valueOf(each));
            }
        } else if (value instanceof boolean[]) {
            for (boolean each : (boolean[]) value) {
                content.put(each);
            }
        } else if (value instanceof List) {
            for (Object each : (List<?>) value) {
                content.put(describe(each));
            }
        } else if (value instanceof Float) {
            return typed("Float", String.valueOf(Float.floatToRawIntBits((Float) value)));
        } else if (value instanceof Double) {
            return typed("Double", String.valueOf(Double.doubleToRawLongBits((Double) value)));
        } else if (value instanceof Long) {
            return typed("Long", value.toString());
        } else {
            return typed(value.getClass().getSimpleName(), value);
        }
        return typed(value.getClass().getSimpleName(), content);
    }

    private static JSONArray typed(String type, Object content) {
        return new JSONArray().put(type).put(content);
    }

    static Intent intent(JSONObject described) throws JSONException {
        Intent intent = new Intent(text(described, "action"));
        if (described.has("data") || described.has("type")) {
            Uri data = described.has("data") ? Uri.parse(described.getString("data")) : null;
            intent.setDataAndType(data, text(described, "type"));
        }
        intent.setIdentifier(text(described, "identifier"));
        intent.setFlags((int) described.optLong("flags"));
        if (described.has("component")) {
            JSONArray names = described.getJSONArray("component");
            intent.setComponent(new ComponentName(names.getString(0), names.getString(1)));
        }
        JSONArray categories = described.optJSONArray("categories");
        for (int at = 0; categories != null && at < categories.length(); at++) {
            intent.addCategory(categories.getString(at));
        }
        if (described.has("selector")) {
            intent.setSelector(intent(described.getJSONObject("selector")));
        }
        intent.setPackage(text(described, "package"));
        if (described.has("source_bounds")) {
            JSONArray edges = described.getJSONArray("source_bounds");
            intent.setSourceBounds(new Rect(edges.getInt(0), edges.getInt(1), edges.getInt(2), edges.getInt(3)));
        }
        if (described.has("extras")) {
            intent.replaceExtras(bundle(described.getJSONObject("extras")));
        }
        return intent;
    }

    /** The Intent of a request that sends it; where that gives a size, with an extra of so many bytes. */
    static Intent broadcast(JSONObject request) throws JSONException {
        Intent intent = intent(request.getJSONObject("intent"));
        if (request.has("size")) {
            intent.putExtra("data", new byte[request.getInt("size")]);
        }
        return intent;
    }

    static JSONObject describe(Intent intent) throws JSONException {
        JSONObject described = new JSONObject();
        described.putOpt("action", intent.getAction());
        described.putOpt("data", intent.getDataString());
        described.putOpt("type", intent.getType());
        described.putOpt("identifier", intent.getIdentifier());
        described.put("flags", intent.getFlags() & 0xffffffffL);
        described.putOpt("package", intent.getPackage());
        ComponentName component = intent.getComponent();
        if (component != null) {
            described.put("component", new JSONArray().put(component.getPackageName()).put(component.getClassName()));
        }
        Rect bounds = intent.getSourceBounds();
        if (bounds != null) {
            JSONArray edges = new JSONArray().put(bounds.left).put(bounds.top).put(bounds.right).put(bounds.bottom);
            described.put("source_bounds", edges);
        }
        if (intent.getCategories() != null) {
            described.put("categories", new JSONArray(intent.getCategories()));
        }
        if (intent.getSelector() != null) {
            described.put("selector", describe(intent.getSelector()));
        }
        if (intent.getExtras() != null) {
            described.put("extras", describe(intent.getExtras()));
        }
        return described;
    }

    static String text(JSONObject described, String name) throws JSONException {
        return described.has(name) ? described.getString(name) : null;
    }
}
