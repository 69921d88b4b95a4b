#include "shell.h"

#include <binder/IPCThreadState.h>
#include <binder/IResultReceiver.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include <condition_variable>
#include <mutex>

#include "activity_manager.h"
#include "broadcast_arguments.h"

using namespace android;

static const char HELP[] =
    R"(the stand-in's shell commands:
  broadcast [--user USER_ID|all|current] [-a ACTION] [-d DATA] [-t TYPE] [-c CATEGORY]… [-p PACKAGE]
            [-n COMPONENT] [-f FLAGS] [-e|--es KEY TEXT]… [--esn KEY]… [--ei KEY NUMBER]… [--el KEY NUMBER]…
            [--ef KEY NUMBER]… [--ez KEY true|false]… [PACKAGE|COMPONENT]
      send an ordered broadcast and wait for its end, as the real one does
  host-service COMPONENT PID
      let an attached process host a service, instead of a manifest
)";

// Receives the result of an ordered broadcast: ActivityManagerShellCommand.IntentReceiver.
class ResultReceiver : public BBinder {
  public:
    std::string wait() {
        std::unique_lock lock(mutex_);
        finished_.wait(lock, [this] { return done_; });
        return line_;
    }

  protected:
    status_t onTransact(uint32_t code, const Parcel& data, Parcel* reply, uint32_t flags) override {
        if (code != FIRST_CALL_TRANSACTION) return BBinder::onTransact(code, data, reply, flags);
        if (!data.enforceInterface(String16("android.content.IIntentReceiver"))) return PERMISSION_DENIED;
        Intent::read_argument(data);
        const std::lock_guard lock(mutex_);
        line_ = "Broadcast completed: result=" + std::to_string(data.readInt32());
        if (const auto text = read_string16(data)) line_ += ", data=\"" + utf8(*text) + "\"";
        done_ = true;
        finished_.notify_all();
        return OK;
    }

  private:
    std::mutex mutex_;
    std::condition_variable finished_;
    bool done_ = false;
    std::string line_;
};

class Command {
  public:
    Command(ActivityManager& manager, int out, int error, std::vector<std::string> arguments)
        : manager_(manager), out_(out), error_(error), arguments_(std::move(arguments)) {}

    int run() {
        const std::string name = next().value_or("help");
        if (name == "broadcast") return broadcast();
        if (name == "host-service") return host_service();
        const bool asked = name == "help";
        print(asked ? out_ : error_, asked ? HELP : "Unknown command: " + name + "\n");
        return asked ? 0 : -1;
    }

  private:
    static void print(int descriptor, const std::string& text) {
        [[maybe_unused]] const ssize_t written = write(descriptor, text.data(), text.size());
    }
    std::optional<std::string> next() {
        if (place_ == arguments_.size()) return std::nullopt;
        return arguments_[place_++];
    }
    int refuse(const std::string& reason) {
        print(error_, "Error: " + reason + "\n");
        return 1;
    }

    // As BasicShellCommandHandler.exec shows what a command threw.
    int thrown(const std::string& name, const std::string& exception) {
        print(error_, "\nException occurred while executing '" + name + "':\n" + exception + "\n");
        return -1;
    }

    int broadcast() {
        std::string exception;
        const auto arguments = read_broadcast_arguments({arguments_.begin() + place_, arguments_.end()}, &exception);
        if (!arguments) return thrown("broadcast", exception);
        const auto& [intent, user] = *arguments;
        print(out_, "Broadcasting: " + intent.text() + "\n");
        const IPCThreadState* thread = IPCThreadState::self();
        const sp<ResultReceiver> receiver = new ResultReceiver;
        int32_t result = 0;
        const auto status = manager_.broadcast(
            {intent, {thread->getCallingPid(), thread->getCallingUid()}, user, true, receiver, {}}, &result);
        if (!status.isOk()) return refuse(status.exceptionMessage().c_str());
        if (result != 0) return refuse("user " + std::to_string(user) + " is stopped");
        print(out_, receiver->wait() + "\n");
        return 0;
    }

    int host_service() {
        const auto name = next(), pid = next();
        const auto component = ComponentName::parse(name.value_or(""));
        if (!component || !pid) return refuse("host-service COMPONENT PID");
        if (!manager_.services().host(*component, atoi(pid->c_str()))) {
            return refuse("process " + *pid + " has not attached");
        }
        return 0;
    }

    ActivityManager& manager_;
    const int out_, error_;
    const std::vector<std::string> arguments_;
    size_t place_ = 0;
};

status_t shell_command(ActivityManager& manager, const Parcel& data) {
    data.readFileDescriptor();  // input
    const int out = data.readFileDescriptor(), error = data.readFileDescriptor();
    std::vector<std::string> arguments;
    for (int32_t count = data.readInt32(); count > 0 && data.dataAvail() > 0; --count) {
        arguments.push_back(utf8(data.readString16()));
    }
    data.readStrongBinder();  // IShellCallback
    const sp<IResultReceiver> receiver = IResultReceiver::asInterface(data.readStrongBinder());
    if (out < 0 || error < 0) return BAD_VALUE;
    const int status = Command(manager, out, error, arguments).run();
    if (receiver) receiver->send(status);
    return OK;
}
