#include "shell.h"

#include <binder/IPCThreadState.h>
#include <binder/IResultReceiver.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include <condition_variable>
#include <mutex>

#include "activity_manager.h"

using namespace android;

static const char HELP[] =
    R"(the stand-in's shell commands:
  broadcast [--user USER_ID|all|current] [-a ACTION] [-d DATA] [-t TYPE] [-c CATEGORY]… [-p PACKAGE] [-n COMPONENT]
            [-f FLAGS] [--es KEY TEXT]… [--ei KEY NUMBER]… [--el KEY NUMBER]… [--ez KEY true|false]…
      send an ordered broadcast and wait for its end, as the real one does
  host-service COMPONENT PID
      have an attached process host a service, in the place of a manifest
)";

static const uint32_t FLAG_RECEIVER_FROM_SHELL = 0x00400000;  // Intent.java, Android 11
enum ValueType { STRING = 0, INTEGER = 1, LONG = 6, BOOLEAN = 9 };  // Parcel.java, VAL_*

// Gets the result of an ordered broadcast: ActivityManagerShellCommand.IntentReceiver.
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

// Writes what an Intent's extras and fields are told to be, in the order of Intent.writeToParcel.
class IntentWriter {
  public:
    std::optional<std::string> action, data, type, package;
    std::optional<ComponentName> component;
    std::vector<std::string> categories;
    uint32_t flags = FLAG_RECEIVER_FROM_SHELL;

    Parcel& extra(const std::string& key, int32_t value_type) {
        ++extras_count_;
        extras_.writeString16(String16(key.c_str()));
        extras_.writeInt32(value_type);
        return extras_;
    }

    std::optional<Intent> intent() const {
        Parcel out;
        string8(&out, action);
        out.writeInt32(data ? 1 : 0);
        if (data) string8(&out, data);
        string8(&out, type);
        string8(&out, std::nullopt);  // the identifier
        out.writeUint32(flags);
        string8(&out, package);
        write_string16(&out, component ? std::optional(String16(component->package.c_str())) : std::nullopt);
        if (component) out.writeString16(String16(component->class_name.c_str()));
        out.writeInt32(0);  // no bounds
        out.writeInt32(categories.size());
        for (const std::string& category : categories) string8(&out, category);
        out.writeInt32(0);  // no selector
        out.writeInt32(0);  // no clip data
        out.writeInt32(USER_CURRENT);
        if (extras_count_ == 0) {
            out.writeInt32(-1);
        } else {
            out.writeInt32(extras_.dataSize() + sizeof(int32_t));
            out.writeInt32(0x4C444E42);
            out.writeInt32(extras_count_);
            out.appendFrom(&extras_, 0, extras_.dataSize());
        }
        out.setDataPosition(0);
        return Intent::read(out);
    }

  private:
    // As Java writes it, with a NUL even after nothing.
    static void string8(Parcel* out, const std::optional<std::string>& text) {
        if (!text) {
            out->writeInt32(-1);
            return;
        }
        out->writeInt32(text->size());
        out->write(text->c_str(), text->size() + 1);
    }

    Parcel extras_;
    int32_t extras_count_ = 0;
};

static bool parse_component(const std::string& text, ComponentName* component) {
    const size_t slash = text.find('/');
    if (slash == std::string::npos || slash == 0 || slash + 1 == text.size()) return false;
    *component = {text.substr(0, slash), text.substr(slash + 1)};
    if (component->class_name[0] == '.') component->class_name = component->package + component->class_name;
    return true;
}

class Command {
  public:
    Command(ActivityManager& manager, int out, int error, std::vector<std::string> words)
        : manager_(manager), out_(out), error_(error), words_(std::move(words)) {}

    int run() {
        const std::string name = next().value_or("help");
        if (name == "broadcast") return broadcast();
        if (name == "host-service") return host_service();
        const bool asked = name == "help";
        say(asked ? out_ : error_, asked ? HELP : "Unknown command: " + name + "\n");
        return asked ? 0 : -1;
    }

  private:
    static void say(int descriptor, const std::string& text) {
        [[maybe_unused]] const ssize_t written = write(descriptor, text.data(), text.size());
    }
    std::optional<std::string> next() {
        if (place_ == words_.size()) return std::nullopt;
        return words_[place_++];
    }
    int refuse(const std::string& reason) {
        say(error_, "Error: " + reason + "\n");
        return 1;
    }

    bool parse_option(const std::string& option, IntentWriter* intent, int32_t* user) {
        const auto value = next();
        if (!value) return false;
        if (option == "-a") {
            intent->action = value;
        } else if (option == "-d") {
            intent->data = value;
        } else if (option == "-t") {
            intent->type = value;
        } else if (option == "-c") {
            intent->categories.push_back(*value);
        } else if (option == "-p") {
            intent->package = value;
        } else if (option == "-n") {
            intent->component.emplace();
            return parse_component(*value, &*intent->component);
        } else if (option == "-f") {
            intent->flags |= strtoul(value->c_str(), nullptr, 0);
        } else if (option == "--user") {
            *user = *value == "all" ? USER_ALL : *value == "current" ? USER_CURRENT : atoi(value->c_str());
        } else {
            return parse_extra(option, *value, intent);
        }
        return true;
    }

    bool parse_extra(const std::string& option, const std::string& key, IntentWriter* intent) {
        const auto value = next();
        if (!value) return false;
        if (option == "--es" || option == "-e") {
            intent->extra(key, STRING).writeString16(String16(value->c_str()));
        } else if (option == "--ei") {
            intent->extra(key, INTEGER).writeInt32(strtol(value->c_str(), nullptr, 0));
        } else if (option == "--el") {
            intent->extra(key, LONG).writeInt64(strtoll(value->c_str(), nullptr, 0));
        } else if (option == "--ez") {
            intent->extra(key, BOOLEAN).writeInt32(*value == "true" || *value == "t" || *value == "1");
        } else {
            return false;
        }
        return true;
    }

    int broadcast() {
        IntentWriter writer;
        int32_t user = USER_CURRENT;
        while (const auto option = next()) {
            if (!parse_option(*option, &writer, &user)) return refuse("Unknown or incomplete option: " + *option);
        }
        const auto intent = writer.intent();
        if (!intent) return refuse("no Intent can be made of this");
        say(out_, "Broadcasting: " + intent->text() + "\n");
        const IPCThreadState* thread = IPCThreadState::self();
        const sp<ResultReceiver> receiver = new ResultReceiver;
        int32_t result = 0;
        const auto status = manager_.broadcast(
            {*intent, {thread->getCallingPid(), thread->getCallingUid()}, user, true, receiver, {}}, &result);
        if (!status.isOk()) return refuse(status.exceptionMessage().string());
        if (result != 0) return refuse("user " + std::to_string(user) + " is stopped");
        say(out_, receiver->wait() + "\n");
        return 0;
    }

    int host_service() {
        const auto name = next(), pid = next();
        ComponentName component;
        if (!name || !pid || !parse_component(*name, &component)) return refuse("host-service COMPONENT PID");
        if (!manager_.services().host(component, atoi(pid->c_str()))) {
            return refuse("process " + *pid + " has not attached");
        }
        return 0;
    }

    ActivityManager& manager_;
    const int out_, error_;
    const std::vector<std::string> words_;
    size_t place_ = 0;
};

status_t shell_command(ActivityManager& manager, const Parcel& data) {
    data.readFileDescriptor();  // input
    const int out = data.readFileDescriptor(), error = data.readFileDescriptor();
    std::vector<std::string> words;
    for (int32_t count = data.readInt32(); count > 0 && data.dataAvail() > 0; --count) {
        words.push_back(utf8(data.readString16()));
    }
    data.readStrongBinder();  // IShellCallback
    const sp<IResultReceiver> receiver = IResultReceiver::asInterface(data.readStrongBinder());
    if (out < 0 || error < 0) return BAD_VALUE;
    const int status = Command(manager, out, error, words).run();
    if (receiver) receiver->send(status);
    return OK;
}
