package harness.agent;

import android.content.Intent;
import android.net.Uri;
import android.os.Parcel;
import org.json.JSONException;
import org.json.JSONObject;

/** Commands that write values as AOSP's classes do, and read them; and what else needs a Parcel. */
class Parcels implements Commands {
    @Override
    public Object run(String name, JSONObject request) throws JSONException {
        boolean writes = name.startsWith("write");
        if (!writes && !name.startsWith("read")) {
            return ANOTHER;
        }
        Parcel parcel = Parcel.obtain();
        try {
            return writes ? write(name, request, parcel) : read(name, request, parcel);
        } finally {
            parcel.recycle();
        }
    }

    /** Append bytes as they are: Parcel.writeByteArray would write their number, too. */
    static void append(Parcel parcel, byte[] bytes) {
        Parcel given = Parcel.obtain();
        given.unmarshall(bytes, 0, bytes.length);
        parcel.appendFrom(given, 0, bytes.length);
        given.recycle();
    }

    private static Object write(String name, JSONObject request, Parcel parcel) throws JSONException {
        switch (name) {
            case "writeIntent":
                Values.intent(request.getJSONObject("intent")).writeToParcel(parcel, 0);
                break;
            case "writeBundle":
                parcel.writeBundle(request.isNull("bundle") ? null : Values.bundle(request.getJSONObject("bundle")));
                break;
            case "writeUri":
                Uri.writeToParcel(parcel, request.isNull("uri") ? null : Uri.parse(request.getString("uri")));
                break;
            default:
                return ANOTHER;
        }
        return Hex.of(parcel.marshall());
    }

    /** The value, and how many bytes of the parcel are left after it. */
    private static Object read(String name, JSONObject request, Parcel parcel) throws JSONException {
        byte[] bytes = Hex.bytes(request.getString("data"));
        parcel.unmarshall(bytes, 0, bytes.length);
        parcel.setDataPosition(0);
        Object value;
        switch (name) {
            case "readIntent":
                value = Values.describe(Intent.CREATOR.createFromParcel(parcel));
                break;
            case "readBundle":
                value = Values.describe(parcel.readBundle());
                break;
            case "readUri":
                Uri uri = Uri.CREATOR.createFromParcel(parcel);
                value = uri == null ? JSONObject.NULL : uri.toString();
                break;
            default:
                return ANOTHER;
        }
        return new JSONObject().put("value", value).put("left", parcel.dataAvail());
    }
}
