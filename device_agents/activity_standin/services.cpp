#include "services.h"

#include <binder/Binder.h>

#include <algorithm>

using namespace android;

enum { CONNECTED = IBinder::FIRST_CALL_TRANSACTION };               // IServiceConnection.aidl
enum { SCHEDULE_BIND_SERVICE = 10, SCHEDULE_UNBIND_SERVICE = 11 };  // IApplicationThread.aidl, Android 11
static const int32_t PROCESS_STATE_SERVICE = 10;                    // ActivityManager.java, Android 11

static void connected(const sp<IBinder>& connection, const ComponentName& component, const sp<IBinder>& service) {
    Parcel data;
    data.writeInterfaceToken(String16("android.app.IServiceConnection"));
    component.write(&data);
    data.writeStrongBinder(service);
    data.writeInt32(false);  // dead
    connection->transact(CONNECTED, data, nullptr, IBinder::FLAG_ONEWAY);
}

static void schedule(const sp<IBinder>& thread, uint32_t code, const sp<IBinder>& token, const Intent& intent) {
    Parcel data;
    data.writeInterfaceToken(String16("android.app.IApplicationThread"));
    data.writeStrongBinder(token);
    intent.write(&data);
    if (code == SCHEDULE_BIND_SERVICE) {
        data.writeInt32(false);  // rebind
        data.writeInt32(PROCESS_STATE_SERVICE);
    }
    thread->transact(code, data, nullptr, IBinder::FLAG_ONEWAY);
}

void Services::attach(pid_t pid, const sp<IBinder>& thread) {
    const std::lock_guard lock(mutex_);
    if (thread->linkToDeath(this) == OK) processes_.push_back({pid, thread});
}

const Services::Process* Services::process_of(const sp<IBinder>& thread) const {
    for (const Process& process : processes_) {
        if (process.thread == thread) return &process;
    }
    return nullptr;
}

bool Services::host(const ComponentName& component, pid_t pid) {
    const std::lock_guard lock(mutex_);
    services_.remove_if([&](const Service& service) { return service.component == component; });
    for (const Process& process : processes_) {
        if (process.pid != pid) continue;
        services_.push_back({component, process, new BBinder, {}});
        return true;
    }
    return false;
}

binder::Status Services::bind(const sp<IBinder>& caller, const Intent& intent, const sp<IBinder>& connection,
                              int32_t* result) {
    const std::lock_guard lock(mutex_);
    *result = 0;
    if (!caller || !process_of(caller)) {
        return refusal(binder::Status::EX_SECURITY,
                       "Unable to find app for caller when binding service " + intent.text());
    }
    const auto service = std::find_if(services_.begin(), services_.end(), [&](const Service& known) {
        return intent.component && known.component == *intent.component;
    });
    if (service == services_.end() || connection->linkToDeath(this) != OK) return binder::Status::ok();
    *result = 1;
    for (Binding& binding : service->bindings) {
        if (!binding.intent.filter_equals(intent)) continue;
        binding.connections.push_back(connection);
        // The stored object: the service is not asked again.
        if (binding.received) connected(connection, service->component, binding.service);
        return binder::Status::ok();
    }
    service->bindings.push_back({intent, false, nullptr, {connection}});
    schedule(service->process.thread, SCHEDULE_BIND_SERVICE, service->token, intent);
    return binder::Status::ok();
}

binder::Status Services::publish(const sp<IBinder>& token, const Intent& intent, const sp<IBinder>& published) {
    const std::lock_guard lock(mutex_);
    for (Service& service : services_) {
        if (service.token != token) continue;
        for (Binding& binding : service.bindings) {
            if (binding.received || !binding.intent.filter_equals(intent)) continue;
            binding.received = true;
            binding.service = published;
            for (const sp<IBinder>& connection : binding.connections) {
                connected(connection, service.component, published);
            }
        }
        return binder::Status::ok();
    }
    return refusal(binder::Status::EX_ILLEGAL_ARGUMENT, "Invalid service token");
}

bool Services::drop_connection(const sp<IBinder>& connection) {
    bool found = false;
    for (Service& service : services_) {
        for (auto binding = service.bindings.begin(); binding != service.bindings.end();) {
            auto& connections = binding->connections;
            const auto kept = std::remove(connections.begin(), connections.end(), connection);
            const bool had = kept != connections.end();
            found |= had;
            connections.erase(kept, connections.end());
            if (had && connections.empty()) {
                schedule(service.process.thread, SCHEDULE_UNBIND_SERVICE, service.token, binding->intent);
                binding = service.bindings.erase(binding);
            } else {
                ++binding;
            }
        }
    }
    return found;
}

bool Services::unbind(const sp<IBinder>& connection) {
    const std::lock_guard lock(mutex_);
    connection->unlinkToDeath(this);
    return drop_connection(connection);
}

void Services::binderDied(const wp<IBinder>& who) {
    const sp<IBinder> binder = who.promote();
    const std::lock_guard lock(mutex_);
    services_.remove_if([&](const Service& service) { return service.process.thread == binder; });
    processes_.erase(std::remove_if(processes_.begin(), processes_.end(),
                                    [&](const Process& process) { return process.thread == binder; }),
                     processes_.end());
    drop_connection(binder);
}

std::string Services::dump() {
    const std::lock_guard lock(mutex_);
    std::string text = "ACTIVITY MANAGER SERVICES (dumpsys activity services), of a stand-in\n";
    for (const Service& service : services_) {
        text += "  * ServiceRecord{u0 " + service.component.text() + "}\n";
        text += "    app=ProcessRecord{" + std::to_string(service.process.pid) + "}\n    Bindings:\n";
        for (const Binding& binding : service.bindings) {
            text += "    * IntentBindRecord{CREATE}:\n      intent={" + binding.intent.text() + "}\n";
            text += std::string("      binder=") + (binding.service ? "android.os.BinderProxy" : "null") + "\n";
            text += std::string("      requested=true received=") + (binding.received ? "true" : "false") +
                    " hasBound=true doRebind=false\n";
            for (size_t place = 0; place < binding.connections.size(); ++place) {
                text += "      * Client AppBindRecord #" + std::to_string(place) + "\n";
            }
        }
    }
    return text;
}
