package android.app;

import android.content.IIntentReceiver;
import android.content.Intent;
import android.content.IntentFilter;
import android.os.Bundle;
import android.os.Handler;
import android.os.IBinder;
import android.os.Looper;
import android.os.RemoteException;
import java.util.ArrayDeque;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.List;
import java.util.Queue;

/**
 * The stand-in's receivers, and the broadcasts that they get. Those that are not ordered go to all receivers at once.
 * Ordered ones wait for each other: each goes from receiver to receiver, those of higher priority first, with the result
 * that the one before has finished with.
 */
class Broadcasts {
    /** How long a receiver of an ordered broadcast may take (ActivityManagerService.java, BROADCAST_FG_TIMEOUT). */
    private static final int LONGEST_MS = 10_000;

    static class Receiver {
        final IApplicationThread owner;
        final IIntentReceiver receiver;
        final IntentFilter filter;

        Receiver(IApplicationThread owner, IIntentReceiver receiver, IntentFilter filter) {
            this.owner = owner;
            this.receiver = receiver;
            this.filter = filter;
        }
    }

    /** What the receivers of an ordered broadcast hand on, and its sender gets in the end. */
    static class Result {
        final int code;
        final String data;
        final Bundle extras;

        Result(int code, String data, Bundle extras) {
            this.code = code;
            this.data = data;
            this.extras = extras;
        }
    }

    /** A broadcast on its way. */
    static class Broadcast {
        final Intent intent;
        final String type;
        /** Who gets the result of an ordered broadcast, and of which process; or null. */
        final IApplicationThread sender;
        final IIntentReceiver resultTo;
        private Result result;
        private Queue<Receiver> left;
        private Receiver current;

        Broadcast(Intent intent, String type, IApplicationThread sender, IIntentReceiver resultTo, Result result) {
            this.intent = intent;
            this.type = type;
            this.sender = sender;
            this.resultTo = resultTo;
            this.result = result;
        }
    }

    private final List<Receiver> receivers = new ArrayList<>();
    /** Touched on the main thread alone. */
    private final Queue<Broadcast> ordered = new ArrayDeque<>();
    private final Handler handler = new Handler(Looper.getMainLooper());
    private final Runnable giveUp = () -> finished(ordered.element().current.receiver.asBinder(), null, false);

    void add(Receiver added) throws RemoteException {
        IBinder binder = added.receiver.asBinder();
        binder.linkToDeath(() -> remove(binder), 0);
        synchronized (receivers) {
            receivers.add(added);
        }
    }

    void remove(IBinder binder) {
        synchronized (receivers) {
            receivers.removeIf(each -> each.receiver.asBinder() == binder);
        }
        handler.post(() -> finished(binder, null, false));
    }

    /** Deliver a broadcast to those who receive it now, after the reply to its sender, which waits for none of them. */
    void send(Broadcast broadcast, boolean inOrder) {
        broadcast.left = receiversOf(broadcast);
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

    private Queue<Receiver> receiversOf(Broadcast broadcast) {
        Intent intent = broadcast.intent;
        List<Receiver> found = new ArrayList<>();
        synchronized (receivers) {
            for (Receiver each : receivers) {
                boolean matches = each.filter.match(intent.getAction(), broadcast.type, intent.getScheme(),
                        intent.getData(), intent.getCategories(), "standin") >= 0;
                if (matches) {
                    found.add(each);
                }
            }
        }
        found.sort(Comparator.comparingInt(each -> -each.filter.getPriority()));
        return new ArrayDeque<>(found);
    }

    /** Take what BroadcastReceiver.PendingResult finishes with. */
    void finish(IBinder receiver, Result result, boolean abort) {
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
