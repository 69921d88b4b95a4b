#include "broadcasts.h"

#include <algorithm>

using namespace android;

static const size_t HISTORY = 50;  // BroadcastQueue.java, MAX_BROADCAST_HISTORY
enum { PERFORM_RECEIVE = IBinder::FIRST_CALL_TRANSACTION };

// IIntentReceiver.performReceive, one-way: to a receiver, and to whom a result is due.
static bool perform_receive(const sp<IBinder>& to, const Broadcast& broadcast, bool ordered) {
    Parcel data;
    data.writeInterfaceToken(String16("android.content.IIntentReceiver"));
    broadcast.intent.write(&data);
    data.writeInt32(broadcast.result.code);
    write_string16(&data, broadcast.result.data);
    broadcast.result.extras.write(&data);
    data.writeInt32(ordered);
    data.writeInt32(false);  // sticky
    data.writeInt32(broadcast.user);
    return to->transact(PERFORM_RECEIVE, data, nullptr, IBinder::FLAG_ONEWAY) == OK;
}

binder::Status Broadcasts::add(const Caller& caller, const sp<IBinder>& binder, const std::string& package,
                               const IntentFilter& filter, int32_t user) {
    const std::lock_guard lock(mutex_);
    bool known = false;
    for (const Receiver& receiver : receivers_) {
        if (receiver.binder != binder) continue;
        known = true;
        if (receiver.owner.uid != caller.uid) {
            return refusal(binder::Status::EX_ILLEGAL_ARGUMENT,
                           "Receiver requested to register for uid " + std::to_string(caller.uid) +
                               " was previously registered for uid " + std::to_string(receiver.owner.uid));
        }
    }
    // A receiver that has died already is not registered, and its owner gets no error.
    if (known || binder->linkToDeath(this) == OK) {
        receivers_.push_back({binder, caller, package, filter, user});
    }
    return binder::Status::ok();
}

void Broadcasts::remove(const sp<IBinder>& binder) {
    const std::lock_guard lock(mutex_);
    binder->unlinkToDeath(this);
    receivers_.erase(std::remove_if(receivers_.begin(), receivers_.end(),
                                    [&](const Receiver& receiver) { return receiver.binder == binder; }),
                     receivers_.end());
    if (!ordered_.empty() && ordered_.front().waiting &&
        ordered_.front().deliveries[ordered_.front().next].receiver.binder == binder) {
        end_current("Failure");
    }
}

void Broadcasts::binderDied(const wp<IBinder>& who) {
    if (const sp<IBinder> binder = who.promote()) remove(binder);
}

binder::Status Broadcasts::send(Broadcast broadcast) {
    const std::lock_guard lock(mutex_);
    Record record{std::move(broadcast), {}, 0, false, {}};
    record.deliveries = receivers_of(record.broadcast);
    (record.broadcast.ordered ? ordered_ : parallel_).push_back(std::move(record));
    changed_.notify_all();
    return binder::Status::ok();
}

std::vector<Broadcasts::Delivery> Broadcasts::receivers_of(const Broadcast& broadcast) const {
    std::vector<Delivery> found;
    // An explicit Intent goes to the manifest's receivers alone, and there is no manifest here.
    if (broadcast.intent.component) return found;
    for (const Receiver& receiver : receivers_) {
        const bool user = broadcast.user == USER_ALL || receiver.user == USER_ALL || broadcast.user == receiver.user;
        const bool package = !broadcast.intent.package || *broadcast.intent.package == receiver.package;
        if (user && package && receiver.filter.matches(broadcast.intent)) found.push_back({receiver, "Skipped"});
    }
    std::stable_sort(found.begin(), found.end(), [](const Delivery& one, const Delivery& other) {
        return one.receiver.filter.priority > other.receiver.filter.priority;
    });
    return found;
}

void Broadcasts::finish(const sp<IBinder>& receiver, const Result& result, bool abort) {
    const std::lock_guard lock(mutex_);
    if (ordered_.empty() || !ordered_.front().waiting) return;
    Record& record = ordered_.front();
    // A receiver that is late, and whose turn is over, finishes nothing.
    if (record.deliveries[record.next].receiver.binder != receiver) return;
    record.broadcast.result = result;
    end_current("Deliver");
    if (abort) record.next = record.deliveries.size();
}

void Broadcasts::deliver() {
    std::unique_lock lock(mutex_);
    for (;;) {
        while (!parallel_.empty()) {
            deliver_all(parallel_.front());
            parallel_.pop_front();
        }
        if (ordered_.empty()) {
            changed_.wait(lock);
            continue;
        }
        Record& record = ordered_.front();
        if (record.waiting) {
            if (Clock::now() >= record.deadline) {
                end_current("Timeout");
            } else {
                changed_.wait_until(lock, record.deadline);
            }
        } else if (record.next < record.deliveries.size()) {
            deliver_next(record);
        } else {
            give_result(record);
            ordered_.pop_front();
        }
    }
}

bool Broadcasts::perform(Delivery& delivery, const Record& record) {
    const bool sent = perform_receive(delivery.receiver.binder, record.broadcast, record.broadcast.ordered);
    delivery.state = sent ? "Deliver" : "Failure";
    return sent;
}

void Broadcasts::deliver_all(Record& record) {
    for (Delivery& delivery : record.deliveries) perform(delivery, record);
    give_result(record);
}

void Broadcasts::deliver_next(Record& record) {
    if (perform(record.deliveries[record.next], record)) {
        record.waiting = true;
        record.deadline = Clock::now() + std::chrono::duration_cast<Clock::duration>(time_limit_);
    } else {
        ++record.next;
    }
}

void Broadcasts::end_current(const char* state) {
    Record& record = ordered_.front();
    record.deliveries[record.next].state = state;
    record.waiting = false;
    ++record.next;
    changed_.notify_all();
}

void Broadcasts::give_result(Record& record) {
    if (record.broadcast.result_to) perform_receive(record.broadcast.result_to, record.broadcast, false);
    remember(record);
}

void Broadcasts::remember(const Record& record) {
    std::string text = "BroadcastRecord{u" + std::to_string(record.broadcast.user) + " " +
                       record.broadcast.intent.action.value_or("null") + "} to user " +
                       std::to_string(record.broadcast.user) + "\n    " + record.broadcast.intent.text() +
                       "\n    caller=null pid=" + std::to_string(record.broadcast.caller.pid) +
                       " uid=" + std::to_string(record.broadcast.caller.uid) +
                       "\n    ordered=" + (record.broadcast.ordered ? "true" : "false") +
                       " resultCode=" + std::to_string(record.broadcast.result.code) + "\n";
    for (size_t place = 0; place < record.deliveries.size(); ++place) {
        const Delivery& delivery = record.deliveries[place];
        text += "    " + delivery.state + " #" + std::to_string(place) + ": BroadcastFilter{" +
                delivery.receiver.package + " " + std::to_string(delivery.receiver.owner.pid) + "/" +
                std::to_string(delivery.receiver.owner.uid) + "/u" + std::to_string(delivery.receiver.user) + "}\n";
    }
    history_.push_front(text);
    if (history_.size() > HISTORY) history_.pop_back();
}

std::string Broadcasts::dump() {
    const std::lock_guard lock(mutex_);
    std::string text = "ACTIVITY MANAGER BROADCAST STATE (dumpsys activity broadcasts), of a stand-in\n";
    text += "  Registered Receivers:\n";
    for (const Receiver& receiver : receivers_) {
        text += "  * ReceiverList{" + receiver.package + " " + std::to_string(receiver.owner.pid) + "/" +
                std::to_string(receiver.owner.uid) + "/u" + std::to_string(receiver.user) + "}:";
        for (const std::string& action : receiver.filter.actions) text += " Action: \"" + action + "\"";
        text += "\n";
    }
    text += "\n  Historical broadcasts:\n";
    for (size_t place = 0; place < history_.size(); ++place) {
        text += "  Historical Broadcast #" + std::to_string(place) + ":\n    " + history_[place];
    }
    return text;
}
