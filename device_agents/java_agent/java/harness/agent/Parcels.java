package harness.agent;

import android.content.Intent;
import android.net.Uri;
import android.os.Parcel;
import java.util.Map;
import org.json.JSONObject;

/** Commands that write values as AOSP's classes do, and read them; and what else needs a Parcel. */
class Parcels {
    private interface Writing {
        void to(Parcel parcel) throws Exception;
    }

    private interface Reading {
        Object from(Parcel parcel) throws Exception;
    }

    static void addTo(Map<String, Agent.Command> commands) {
        commands.put("writeIntent", request -> written(parcel -> {
            Values.intent(request.getJSONObject("intent")).writeToParcel(parcel, 0);
        }));
        commands.put("writeBundle", request -> written(parcel -> {
            parcel.writeBundle(request.isNull("bundle") ? null : Values.bundle(request.getJSONObject("bundle")));
        }));
        commands.put("writeUri", request -> written(parcel -> {
            Uri.writeToParcel(parcel, request.isNull("uri") ? null : Uri.parse(request.getString("uri")));
        }));
        commands.put("readIntent", request -> read(request, parcel -> {
            return Values.describe(Intent.CREATOR.createFromParcel(parcel));
        }));
        commands.put("readBundle", request -> read(request, parcel -> Values.describe(parcel.readBundle())));
        commands.put("readUri", request -> read(request, parcel -> {
            Uri uri = Uri.CREATOR.createFromParcel(parcel);
            return uri == null ? JSONObject.NULL : uri.toString();
        }));
    }

    /** Append bytes as they are: Parcel.writeByteArray would write their number, too. */
    static void append(Parcel parcel, byte[] bytes) {
        Parcel given = Parcel.obtain();
        given.unmarshall(bytes, 0, bytes.length);
        parcel.appendFrom(given, 0, bytes.length);
        given.recycle();
    }

    private static Object written(Writing writing) throws Exception {
        Parcel parcel = Parcel.obtain();
        try {
            writing.to(parcel);
            return Hex.of(parcel.marshall());
        } finally {
            parcel.recycle();
        }
    }

    /** The value, and how many bytes of the parcel are left after it. */
    private static Object read(JSONObject request, Reading reading) throws Exception {
        byte[] bytes = Hex.bytes(request.getString("data"));
        Parcel parcel = Parcel.obtain();
        try {
            parcel.unmarshall(bytes, 0, bytes.length);
            parcel.setDataPosition(0);
            Object value = reading.from(parcel);
            return new JSONObject().put("value", value).put("left", parcel.dataAvail());
        } finally {
            parcel.recycle();
        }
    }
}
