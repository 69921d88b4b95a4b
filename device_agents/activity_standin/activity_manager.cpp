#include "activity_manager.h"

#include <binder/IPCThreadState.h>
#include <errno.h>
#include <unistd.h>

#include <set>
#include <thread>

#include "release.h"
#include "shell.h"

using namespace android;
using binder::Status;

// IActivityManager.aidl, Android 10 and 11, which calls two of them registerReceiverWithFeature and
// broadcastIntentWithFeature.
enum Code : uint32_t {
    REGISTER_RECEIVER = OF_ANDROID_10 ? 10 : 12,
    UNREGISTER_RECEIVER = OF_ANDROID_10 ? 11 : 13,
    BROADCAST_INTENT = OF_ANDROID_10 ? 12 : 15,
    FINISH_RECEIVER = OF_ANDROID_10 ? 14 : 17,
    ATTACH_APPLICATION = OF_ANDROID_10 ? 15 : 18,
    BIND_SERVICE = OF_ANDROID_10 ? 26 : 28,
    UNBIND_SERVICE = OF_ANDROID_10 ? 29 : 31,
    PUBLISH_SERVICE = OF_ANDROID_10 ? 30 : 32,
};

static const uint32_t FLAG_RECEIVER_BOOT_UPGRADE = 0x02000000;                   // Intent.java, Android 11
static const int32_t BROADCAST_SUCCESS = 0, BROADCAST_FAILED_USER_STOPPED = -2;  // ActivityManager.java
static const uid_t PER_USER_RANGE = 100000;                                      // UserHandle.java
static const uid_t FIRST_APP_ZYGOTE_ISOLATED_UID = 90000;                        // Process.java
static const uid_t ROOT_UID = 0, SYSTEM_UID = 1000, SHELL_UID = 2000;

// Some of the <protected-broadcast>s of core/res/AndroidManifest.xml.
static const std::set<std::string> PROTECTED = {
    "android.intent.action.ACTION_SHUTDOWN", "android.intent.action.BATTERY_CHANGED",
    "android.intent.action.BOOT_COMPLETED",  "android.intent.action.PACKAGE_ADDED",
    "android.intent.action.SCREEN_OFF",      "android.intent.action.SCREEN_ON",
    "android.intent.action.TIME_TICK",
};

static Caller caller() {
    const IPCThreadState* thread = IPCThreadState::self();
    return {thread->getCallingPid(), thread->getCallingUid()};
}

static bool may_cross_users(uid_t uid) {
    return uid == ROOT_UID || uid == SYSTEM_UID || uid == SHELL_UID;
}

// UserController.handleIncomingUser.
static Status resolve_user(const Caller& caller, const char* name, int32_t* user) {
    if (*user == USER_CURRENT || *user == USER_CURRENT_OR_SELF) *user = USER_SYSTEM;
    if (*user == static_cast<int32_t>(caller.uid / PER_USER_RANGE) || may_cross_users(caller.uid)) return Status::ok();
    return refusal(Status::EX_SECURITY, std::string("Permission Denial: ") + name + " from uid " +
                                            std::to_string(caller.uid) + " asks to run as user " +
                                            std::to_string(*user) +
                                            "; this requires android.permission.INTERACT_ACROSS_USERS_FULL");
}

static Status refuse_isolated(const Caller& caller, const char* name) {
    if (caller.uid % PER_USER_RANGE < FIRST_APP_ZYGOTE_ISOLATED_UID) return Status::ok();
    return refusal(Status::EX_SECURITY, std::string("Isolated process not allowed to call ") + name);
}

static Status unreadable(const char* what) {
    return refusal(Status::EX_ILLEGAL_ARGUMENT, std::string("the stand-in cannot read the ") + what);
}

ActivityManager::ActivityManager(std::chrono::duration<double> time_limit)
    : broadcasts_(new Broadcasts(time_limit)), services_(new Services) {
    std::thread([broadcasts = broadcasts_] { broadcasts->deliver(); }).detach();
}

const String16& ActivityManager::getInterfaceDescriptor() const {
    static const String16 descriptor("android.app.IActivityManager");
    return descriptor;
}

status_t ActivityManager::onTransact(uint32_t code, const Parcel& data, Parcel* reply, uint32_t flags) {
    if (code == SHELL_COMMAND_TRANSACTION) return shell_command(*this, data);
    if (code < FIRST_CALL_TRANSACTION || code > LAST_CALL_TRANSACTION) {
        return BBinder::onTransact(code, data, reply, flags);
    }
    Parcel results;
    const Status status = data.enforceInterface(getInterfaceDescriptor())
                              ? call(code, data, &results)
                              : refusal(Status::EX_SECURITY, "Binder invocation to an incorrect interface");
    status.writeToParcel(reply);
    return status.isOk() ? reply->appendFrom(&results, 0, results.dataSize()) : OK;
}

Status ActivityManager::call(uint32_t code, const Parcel& data, Parcel* results) {
    switch (code) {
        case REGISTER_RECEIVER:
            return register_receiver(data, results);
        case UNREGISTER_RECEIVER:
            if (const sp<IBinder> receiver = data.readStrongBinder()) broadcasts_->remove(receiver);
            return Status::ok();
        case BROADCAST_INTENT:
            return broadcast_intent(data, results);
        case FINISH_RECEIVER:
            return finish_receiver(data);
        case ATTACH_APPLICATION:
            if (const sp<IBinder> thread = data.readStrongBinder()) services_->attach(caller().pid, thread);
            return Status::ok();
        case BIND_SERVICE:
            return bind_service(data, results);
        case UNBIND_SERVICE: {
            const sp<IBinder> connection = data.readStrongBinder();
            results->writeInt32(connection && services_->unbind(connection));
            return Status::ok();
        }
        case PUBLISH_SERVICE:
            return publish_service(data);
        default:
            return refusal(Status::EX_UNSUPPORTED_OPERATION,
                           "the stand-in does not implement code " + std::to_string(code));
    }
}

// The part of a package that calls.
static void skip_feature(const Parcel& data) {
    if (!OF_ANDROID_10) read_string16(data);
}

Status ActivityManager::register_receiver(const Parcel& data, Parcel* results) {
    const Caller by = caller();
    if (const Status status = refuse_isolated(by, "registerReceiver"); !status.isOk()) return status;
    data.readStrongBinder();  // IApplicationThread: native processes have none
    const auto package = read_string16(data);
    skip_feature(data);
    const sp<IBinder> receiver = data.readStrongBinder();
    const auto filter = IntentFilter::read_argument(data);
    if (!filter) return unreadable("filter: it takes actions, categories, schemes and a priority");
    const auto permission = read_string16(data);
    int32_t user;
    if (data.readInt32(&user) != OK) return unreadable("arguments");
    if (permission) {
        return refusal(Status::EX_UNSUPPORTED_OPERATION, "the stand-in has no permissions of senders");
    }
    if (const Status status = resolve_user(by, "registerReceiver", &user); !status.isOk()) return status;
    results->writeInt32(0);  // no sticky Intent
    if (!receiver) return Status::ok();
    return broadcasts_->add(by, receiver, package ? utf8(*package) : "", *filter, user);
}

Status ActivityManager::broadcast_intent(const Parcel& data, Parcel* results) {
    const Caller by = caller();
    if (const Status status = refuse_isolated(by, "broadcastIntent"); !status.isOk()) return status;
    data.readStrongBinder();  // IApplicationThread
    skip_feature(data);
    const auto intent = Intent::read_argument(data);
    if (!intent) return unreadable("Intent");
    read_string16(data);  // the resolved type
    Broadcast broadcast{*intent, by, USER_SYSTEM, false, data.readStrongBinder(), {}};
    broadcast.result.code = data.readInt32();
    broadcast.result.data = read_string16(data);
    const auto extras = read_bundle_argument(data);
    if (!extras) return unreadable("result's extras");
    broadcast.result.extras = *extras;
    if (data.readInt32() > 0) {
        return refusal(Status::EX_UNSUPPORTED_OPERATION, "the stand-in has no permissions of receivers");
    }
    data.readInt32();  // the app op
    if (!read_bundle_argument(data)) return unreadable("options");
    int32_t ordered, sticky;
    if (data.readInt32(&ordered) != OK || data.readInt32(&sticky) != OK || data.readInt32(&broadcast.user) != OK) {
        return unreadable("arguments");
    }
    if (sticky) return refusal(Status::EX_UNSUPPORTED_OPERATION, "the stand-in has no sticky broadcasts");
    broadcast.ordered = ordered;
    int32_t result = BROADCAST_SUCCESS;
    const Status status = this->broadcast(std::move(broadcast), &result);
    results->writeInt32(result);
    return status;
}

Status ActivityManager::broadcast(Broadcast broadcast, int32_t* result) {
    const Intent& intent = broadcast.intent;
    const Caller& by = broadcast.caller;
    if (intent.bytes.has_file_descriptors()) {
        return refusal(Status::EX_ILLEGAL_ARGUMENT, "File descriptors passed in Intent");
    }
    if (intent.flags & FLAG_RECEIVER_BOOT_UPGRADE) {
        return refusal(Status::EX_ILLEGAL_ARGUMENT, "Can't use FLAG_RECEIVER_BOOT_UPGRADE here");
    }
    const bool system = by.uid == ROOT_UID || by.uid % PER_USER_RANGE == SYSTEM_UID;
    if (!system && intent.action && PROTECTED.count(*intent.action)) {
        return refusal(Status::EX_SECURITY, "Permission Denial: not allowed to send broadcast " + *intent.action +
                                                " from pid=" + std::to_string(by.pid) +
                                                ", uid=" + std::to_string(by.uid));
    }
    if (const Status status = resolve_user(by, "broadcast", &broadcast.user); !status.isOk()) return status;
    if (broadcast.user != USER_ALL && broadcast.user != USER_SYSTEM) {
        *result = BROADCAST_FAILED_USER_STOPPED;
        return Status::ok();
    }
    return broadcasts_->send(std::move(broadcast));
}

Status ActivityManager::finish_receiver(const Parcel& data) {
    const sp<IBinder> receiver = data.readStrongBinder();
    Result result;
    result.code = data.readInt32();
    result.data = read_string16(data);
    const auto extras = read_bundle_argument(data);
    int32_t abort;
    if (!receiver || !extras || data.readInt32(&abort) != OK) return unreadable("arguments");
    result.extras = *extras;
    broadcasts_->finish(receiver, result, abort);
    return Status::ok();
}

Status ActivityManager::bind_service(const Parcel& data, Parcel* results) {
    if (const Status status = refuse_isolated(caller(), "bindService"); !status.isOk()) return status;
    const sp<IBinder> thread = data.readStrongBinder();
    data.readStrongBinder();  // the activity's token
    const auto intent = Intent::read_argument(data);
    if (!intent) return unreadable("Intent");
    read_string16(data);  // the resolved type
    const sp<IBinder> connection = data.readStrongBinder();
    data.readInt32();  // flags
    const auto package = read_string16(data);
    if (intent->bytes.has_file_descriptors()) {
        return refusal(Status::EX_ILLEGAL_ARGUMENT, "File descriptors passed in Intent");
    }
    if (!package) return refusal(Status::EX_ILLEGAL_ARGUMENT, "callingPackage cannot be null");
    if (!connection) return refusal(Status::EX_NULL_POINTER, "no connection");
    int32_t result;
    const Status status = services_->bind(thread, *intent, connection, &result);
    results->writeInt32(result);
    return status;
}

Status ActivityManager::publish_service(const Parcel& data) {
    const sp<IBinder> token = data.readStrongBinder();
    const auto intent = Intent::read_argument(data);
    if (!intent) return unreadable("Intent");
    return services_->publish(token, *intent, data.readStrongBinder());
}

status_t ActivityManager::dump(int descriptor, const Vector<String16>& arguments) {
    std::string what = arguments.empty() ? "" : utf8(arguments[0]);
    if (what == "-a") what.clear();  // as dumpsys asks every service for all
    std::string text;
    if (what.empty() || what == "broadcasts") text += broadcasts_->dump();
    if (what.empty() || what == "services") text += services_->dump();
    if (text.empty()) text = "the stand-in dumps `broadcasts` and `services`, not \"" + what + "\"\n";
    return write(descriptor, text.data(), text.size()) < 0 ? -errno : OK;
}
