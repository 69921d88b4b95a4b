// The service manager as libbinder's client sees it: add, get, check, wait for, list; and the services found there.

#include <binder/IServiceManager.h>
#include <binder/Parcel.h>
#include <binder/ProcessState.h>
#include <binder/Status.h>
#include <signal.h>
#include <stdlib.h>
#include <unistd.h>

#include <chrono>

#include "answer.h"
#include "commands.h"
#include "handle.h"
#include "own_process.h"
#include "probe_service.h"

using namespace android;

// Checked before defaultServiceManager(), which waits for ever where there is none.
static sp<IServiceManager> service_manager() {
    if (ProcessState::self()->getContextObject(nullptr)) return defaultServiceManager();
    Answer()
        .text("event", "error")
        .text("error", "there is no context manager of " + std::string(ProcessState::self()->getDriverName().c_str()))
        .print();
    return nullptr;
}

// With a thread pool, as every service and every client with callbacks has it.
static sp<IServiceManager> service_manager_with_threads() {
    sp<IServiceManager> manager = service_manager();
    if (manager) ProcessState::self()->startThreadPool();
    return manager;
}

static std::string utf8(const String16& text) {
    return String8(text).c_str();
}

static int report(const char* event, const std::string& name, const sp<IBinder>& service, double seconds) {
    Answer answer;
    answer.text("event", event).number("pid", getpid()).text("name", name).truth("found", service != nullptr);
    if (service) {
        answer.number("handle", handle_of(service));
        answer.text("interface", utf8(service->getInterfaceDescriptor()));
    }
    answer.seconds("seconds", seconds).print();
    return service ? DONE : REFUSED;
}

template <typename Ask>
static int lookup(const char* event, const Options& options, Ask ask) {
    const sp<IServiceManager> manager = service_manager_with_threads();
    if (!manager) return REFUSED;
    const std::string& name = options.arguments[0];
    const auto start = std::chrono::steady_clock::now();
    const sp<IBinder> service = ask(*manager, String16(name.c_str()));
    const std::chrono::duration<double> taken = std::chrono::steady_clock::now() - start;
    return report(event, name, service, taken.count());
}

int get_service(const Options& options) {
    return lookup("get", options, [](auto& manager, const String16& name) { return manager.getService(name); });
}

int check_service(const Options& options) {
    return lookup("check", options, [](auto& manager, const String16& name) { return manager.checkService(name); });
}

int wait_for_service(const Options& options) {
#if ANDROID_GENERATION < 11
    (void)options;
    Answer().text("event", "error").text("error", "libbinder has waitForService from Android 11 on").print();
    return REFUSED;
#else
    return lookup("wait", options, [](auto& manager, const String16& name) { return manager.waitForService(name); });
#endif
}

int list_services(const Options&) {
    const sp<IServiceManager> manager = service_manager();
    if (!manager) return REFUSED;
    std::vector<std::string> names;
    for (const String16& name : manager->listServices()) {
        names.push_back(json_string(utf8(name)));
    }
    Answer().text("event", "list").json("names", json_list(names)).print();
    return DONE;
}

int register_services(const Options& options) {
    const sp<IServiceManager> manager = service_manager_with_threads();
    if (!manager) return REFUSED;
    std::vector<sp<IBinder>> services;
    for (const std::string& name : options.arguments) {
        services.push_back(new ProbeService);
        const status_t exception = manager->addService(String16(name.c_str()), services.back());
        Answer()
            .text("event", "register")
            .number("pid", getpid())
            .text("name", name)
            .number("exception", exception)
            .text("meaning", binder::Status::fromExceptionCode(exception).toString8().c_str())
            .print();
        if (exception != binder::Status::EX_NONE) return REFUSED;
    }
    if (!input_ends(options.die_after)) kill(getpid(), SIGKILL);
    return DONE;
}

// A whole number becomes an int32, any other value a string of UTF-16.
static void write_value(Parcel& data, const std::string& value) {
    char* end;
    const long number = strtol(value.c_str(), &end, 0);
    if (!value.empty() && *end == '\0') {
        data.writeInt32(number);
    } else {
        data.writeString16(String16(value.c_str()));
    }
}

static std::string hexadecimal(const Parcel& parcel) {
    static const char digits[] = "0123456789abcdef";
    std::string text;
    for (size_t place = 0; place < parcel.dataSize(); ++place) {
        text += digits[parcel.data()[place] >> 4];
        text += digits[parcel.data()[place] & 15];
    }
    return text;
}

int call_service(const Options& options) {
    const sp<IServiceManager> manager = service_manager();
    if (!manager) return REFUSED;
    const std::string& name = options.arguments[0];
    const sp<IBinder> service = manager->checkService(String16(name.c_str()));
    if (!service) return report("call", name, service, 0);
    Parcel data, reply;
    data.writeInterfaceToken(service->getInterfaceDescriptor());
    for (size_t place = 2; place < options.arguments.size(); ++place) {
        write_value(data, options.arguments[place]);
    }
    const uint32_t code = strtoul(options.arguments[1].c_str(), nullptr, 0);
    const status_t status = service->transact(code, data, &reply);
    Answer()
        .text("event", "call")
        .text("name", name)
        .number("code", code)
        .number("status", status)
        .text("meaning", binder::Status::fromStatusT(status).toString8().c_str())
        .text("reply", hexadecimal(reply))
        .print();
    return status == OK ? DONE : REFUSED;
}

// Prints and exits from the thread that receives the death notification.
class DeathReport : public IBinder::DeathRecipient {
  public:
    explicit DeathReport(std::string name) : name_(std::move(name)) {}

    void binderDied(const wp<IBinder>&) override {
        Answer().text("event", "died").text("name", name_).print();
        _exit(DONE);
    }

  private:
    const std::string name_;
};

int await_death(const Options& options) {
    const sp<IServiceManager> manager = service_manager_with_threads();
    if (!manager) return REFUSED;
    const std::string& name = options.arguments[0];
    const sp<IBinder> service = manager->checkService(String16(name.c_str()));
    if (!service) return report("link", name, service, 0);
    const sp<DeathReport> death = new DeathReport(name);
    const status_t status = service->linkToDeath(death);
    Answer().text("event", "link").number("pid", getpid()).text("name", name).number("status", status).print();
    input_ends();
    return REFUSED;
}
