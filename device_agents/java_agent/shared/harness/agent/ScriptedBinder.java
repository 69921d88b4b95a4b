package harness.agent;

import android.os.BadParcelableException;
import android.os.Binder;
import android.os.NetworkOnMainThreadException;
import android.os.Parcel;
import android.os.ParcelFileDescriptor;
import android.os.ParcelableException;
import android.os.RemoteException;
import android.os.ServiceSpecificException;
import java.io.FileInputStream;
import java.io.IOException;
import org.json.JSONException;
import org.json.JSONObject;

/** A service in Java that answers as the host has told it; every class above it is AOSP's. */
class ScriptedBinder extends Binder {
    private final String descriptor;
    private final JSONObject answers;

    /**
     * `answers` has an object for each code: `throws` and `message`, or `echo`, the whole request back, or `reply`,
     * bytes in hexadecimal, or `size`, that many zeros, or `callers`, who calls, or `descriptor`, the number of the file
     * descriptor in the request and up to 256 bytes read from it; `delay` is in milliseconds.
     */
    ScriptedBinder(String descriptor, JSONObject answers) {
        this.descriptor = descriptor;
        this.answers = answers;
        attachInterface(null, descriptor);
    }

    @Override
    protected boolean onTransact(int code, Parcel data, Parcel reply, int flags) throws RemoteException {
        JSONObject answer = answers.optJSONObject(String.valueOf(code));
        if (answer == null) {
            return super.onTransact(code, data, reply, flags);
        }
        data.enforceInterface(descriptor);
        try {
            Thread.sleep(answer.optInt("delay"));
            if (answer.has("throws")) {
                throw exception(answer.getString("throws"), answer.optString("message"));
            }
            reply.writeNoException();
            if (answer.has("echo")) {
                reply.appendFrom(data, data.dataPosition(), data.dataAvail());
            } else if (answer.has("size")) {
                reply.writeByteArray(new byte[answer.getInt("size")]);
            } else if (answer.has("descriptor")) {
                readDescriptor(data, reply);
            } else if (answer.has("callers")) {
                reply.writeInt(Binder.getCallingPid());
                reply.writeInt(Binder.getCallingUid());
            } else {
                Parcels.append(reply, Hex.bytes(answer.getString("reply")));
            }
        } catch (JSONException | InterruptedException wrong) {
            throw new IllegalStateException(wrong.toString());
        }
        return true;
    }

    private static void readDescriptor(Parcel data, Parcel reply) {
        try (ParcelFileDescriptor given = data.readFileDescriptor()) {
            byte[] content = new byte[256];
            int size = new FileInputStream(given.getFileDescriptor()).read(content);
            reply.writeInt(given.getFd());
            reply.writeByteArray(content, 0, Math.max(size, 0));
        } catch (IOException unreadable) {
            throw new ParcelableException(unreadable);
        }
    }

    /** The exceptions that a reply can hold (Parcel.writeException), and one that it cannot. */
    private static RuntimeException exception(String type, String message) {
        switch (type) {
            case "SecurityException":
                return new SecurityException(message);
            case "BadParcelableException":
                return new BadParcelableException(message);
            case "IllegalArgumentException":
                return new IllegalArgumentException(message);
            case "NullPointerException":
                return new NullPointerException(message);
            case "IllegalStateException":
                return new IllegalStateException(message);
            case "NetworkOnMainThreadException":
                return new NetworkOnMainThreadException();
            case "UnsupportedOperationException":
                return new UnsupportedOperationException(message);
            case "ServiceSpecificException":
                return new ServiceSpecificException(7, message);
            case "ParcelableException":
                return new ParcelableException(new IOException(message));
            case "ArithmeticException":
                return new ArithmeticException(message);
            default:
                throw new IllegalArgumentException("There is no exception " + type + " here");
        }
    }
}
