package android.app;

import android.content.IIntentReceiver;
import android.content.Intent;
import android.content.IntentFilter;
import android.os.Handler;
import android.os.IBinder;
import android.os.Looper;
import android.os.RemoteException;
import java.io.PrintWriter;
import java.util.ArrayDeque;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.List;
import java.util.Queue;

/**
 * A queue of the stand-in's own. Broadcasts that are not ordered go to all receivers at once. Ordered ones wait for each
 * other: each goes from receiver to receiver, those of higher priority first, with the result that the one before has
 * finished with.
 */
class OwnQueue extends Broadcasts {
    /** How long a receiver of an ordered broadcast may take (ActivityManagerService.java, BROADCAST_FG_TIMEOUT). */
    private static final int LONGEST_MS = 10_000;

    private static class Receiver {
        IApplicationThread owner;
        IIntentReceiver receiver;
        IntentFilter filter;
    }

    /** A broadcast on its way. */
    private static class Broadcast {
        Intent intent;
        IApplicationThread sender;
        IIntentReceiver resultTo;
        Result result;
        Queue<Receiver> left;
        Receiver current;
    }

    private final List<Receiver> receivers = new ArrayList<>();
    /** Touched on the main thread alone. */
    private final Queue<Broadcast> ordered = new ArrayDeque<>();
    private final Handler handler = new Handler(Looper.getMainLooper());
    private final Runnable giveUp = () -> finished(ordered.element().current.receiver.asBinder(), null, false);

    @Override
    public Integer release() {
        return null;
    }

    @Override
    public void register(Caller by, String packageName, IIntentReceiver receiver, IntentFilter filter)
            throws RemoteException {
        Receiver added = new Receiver();
        added.owner = by.thread;
        added.receiver = receiver;
        added.filter = filter;
        receiver.asBinder().linkToDeath(() -> unregister(receiver.asBinder()), 0);
        synchronized (receivers) {
            receivers.add(added);
        }
    }

    @Override
    public void unregister(IBinder binder) {
        synchronized (receivers) {
            receivers.removeIf(each -> each.receiver.asBinder() == binder);
        }
        handler.post(() -> finished(binder, null, false));
    }

    @Override
    public void send(
            Caller by, Intent intent, String type, IIntentReceiver resultTo, Result result, boolean inOrder) {
        Broadcast broadcast = new Broadcast();
        broadcast.intent = intent;
        broadcast.sender = by.thread;
        broadcast.resultTo = resultTo;
        broadcast.result = result;
        broadcast.left = receiversOf(intent, type);
        handler.post(() -> {
            if (inOrder) {
                ordered.add(broadcast);
                proceed();
            } else {
                for (Receiver each : broadcast.left) {
                    deliver(each.owner, each.receiver, broadcast, false);
                }
            }
        });
    }

    private Queue<Receiver> receiversOf(Intent intent, String type) {
        List<Receiver> found = new ArrayList<>();
        synchronized (receivers) {
            for (Receiver each : receivers) {
                boolean matches = each.filter.match(intent.getAction(), type, intent.getScheme(), intent.getData(),
                        intent.getCategories(), "standin") >= 0;
                if (matches) {
                    found.add(each);
                }
            }
        }
        found.sort(Comparator.comparingInt(each -> -each.filter.getPriority()));
        return new ArrayDeque<>(found);
    }

    @Override
    public void dump(PrintWriter writer) {
        writer.println("the stand-in's own queue keeps no history");
    }

    @Override
    public void finish(IBinder receiver, Result result, boolean abort) {
        handler.post(() -> finished(receiver, result, abort));
    }

    /** The end of a receiver's turn, which has no result where it ended, or took too long. */
    private void finished(IBinder receiver, Result result, boolean abort) {
        Broadcast broadcast = ordered.peek();
        if (broadcast == null || broadcast.current == null || broadcast.current.receiver.asBinder() != receiver) {
            return;  // it is not its turn
        }
        handler.removeCallbacks(giveUp);
        broadcast.current = null;
        broadcast.result = result == null ? broadcast.result : result;
        if (abort && (broadcast.intent.getFlags() & Intent.FLAG_RECEIVER_NO_ABORT) == 0) {
            broadcast.left.clear();
        }
        proceed();
    }

    private void proceed() {
        while (!ordered.isEmpty() && ordered.element().current == null) {
            Broadcast broadcast = ordered.element();
            Receiver next = broadcast.left.poll();
            if (next == null) {
                ordered.remove();
                if (broadcast.resultTo != null) {
                    deliver(broadcast.sender, broadcast.resultTo, broadcast, false);
                }
            } else if (deliver(next.owner, next.receiver, broadcast, true)) {
                broadcast.current = next;
                handler.postDelayed(giveUp, LONGEST_MS);
            }
        }
    }

    private static boolean deliver(
            IApplicationThread owner, IIntentReceiver receiver, Broadcast broadcast, boolean inOrder) {
        Result result = broadcast.result;
        try {
            owner.scheduleRegisteredReceiver(receiver, broadcast.intent, result.code, result.data, result.extras,
                    inOrder, false, 0, ActivityManager.PROCESS_STATE_RECEIVER);
            return true;
        } catch (RemoteException undelivered) {  // it has ended, or the Intent is too large for it
            System.err.println("not delivered: " + undelivered);
            return false;
        }
    }
}
