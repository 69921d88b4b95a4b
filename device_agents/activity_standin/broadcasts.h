// Receivers and the broadcasts they are sent, with the rules of BroadcastQueue.java and ActivityManagerService.java of
// Android 11.
#pragma once

#include <binder/IBinder.h>
#include <sys/types.h>

#include <chrono>
#include <condition_variable>
#include <deque>
#include <mutex>

#include "parcelables.h"

enum User : int32_t { USER_ALL = -1, USER_CURRENT = -2, USER_CURRENT_OR_SELF = -3, USER_SYSTEM = 0 };

struct Caller {
    pid_t pid;
    uid_t uid;
};

// What an ordered broadcast's receivers pass on to each other, and what its sender gets in the end.
struct Result {
    int32_t code = 0;
    std::optional<android::String16> data;
    Bytes extras = null_argument();
};

struct Broadcast {
    Intent intent;
    Caller caller;
    int32_t user;
    bool ordered;
    android::sp<android::IBinder> result_to;
    Result result;
};

class Broadcasts : public android::IBinder::DeathRecipient {
  public:
    explicit Broadcasts(std::chrono::duration<double> time_limit) : time_limit_(time_limit) {}

    android::binder::Status add(const Caller& caller, const android::sp<android::IBinder>& binder,
                                const std::string& package, const IntentFilter& filter, int32_t user);
    void remove(const android::sp<android::IBinder>& binder);
    android::binder::Status send(Broadcast broadcast);
    void finish(const android::sp<android::IBinder>& receiver, const Result& result, bool abort);

    void binderDied(const android::wp<android::IBinder>& who) override;

    // Delivers what is sent, for ever, on a thread of its own as the real one does.
    [[noreturn]] void deliver();
    std::string dump();

  private:
    using Clock = std::chrono::steady_clock;

    struct Receiver {
        android::sp<android::IBinder> binder;
        Caller owner;
        std::string package;
        IntentFilter filter;
        int32_t user;
    };
    struct Delivery {
        Receiver receiver;
        std::string state;
    };
    struct Record {
        Broadcast broadcast;
        std::vector<Delivery> deliveries;
        size_t next = 0;
        bool waiting = false;
        Clock::time_point deadline;
    };

    std::vector<Delivery> receivers_of(const Broadcast& broadcast) const;
    void deliver_all(Record& record);
    void deliver_next(Record& record);
    void end_current(const char* state);
    void give_result(Record& record);
    void remember(const Record& record);
    bool perform(Delivery& delivery, const Record& record);

    const std::chrono::duration<double> time_limit_;
    std::mutex mutex_;
    std::condition_variable changed_;
    std::vector<Receiver> receivers_;
    std::deque<Record> parallel_, ordered_;
    std::deque<std::string> history_;
};
