// What libbinder's ProcessState is to a process: one object, one descriptor, one mapping; and what a missing driver
// and a fork do to it.

#include <binder/IServiceManager.h>
#include <binder/ProcessState.h>
#include <unistd.h>

#include <set>

#include "answer.h"
#include "commands.h"
#include "handle.h"
#include "own_process.h"

using namespace android;

int show_state(const Options& options) {
    std::set<ProcessState*> objects;
    for (int time = 0; time < options.times; ++time) {
        objects.insert(ProcessState::self().get());
    }
    Answer answer;
    answer.text("event", "state").number("pid", getpid()).number("asked", options.times);
    answer.number("objects", objects.size()).text("driver", ProcessState::self()->getDriverName().c_str());
    add_binder_files(answer);
    answer.print();
    input_ends();
    return DONE;
}

int ping_context_object(const Options&) {
    const sp<IBinder> context = ProcessState::self()->getContextObject(nullptr);
    Answer answer;
    answer.text("event", "context object").number("pid", getpid()).truth("found", context != nullptr);
    if (context) {
        answer.number("handle", handle_of(context)).number("ping", context->pingBinder());
    }
    answer.print();
    input_ends();
    return context ? DONE : REFUSED;
}

int use_missing_driver(const Options& options) {
    const std::string& path = options.arguments[0];
    Answer child = in_forked_child([&path] {
        Answer answer;
        answer.text("driver", ProcessState::initWithDriver(path.c_str())->getDriverName().c_str());
        add_binder_files(answer);
        return answer.object();
    });
    Answer().text("event", "driver").text("asked", path).json("child", child.object()).print();
    return DONE;
}

int use_after_fork(const Options&) {
    const sp<ProcessState> state = ProcessState::self();
    const sp<IBinder> context = state->getContextObject(nullptr);
    if (!context) {
        Answer().text("event", "fork").text("error", "there is no service manager to call").print();
        return REFUSED;
    }
    const sp<IServiceManager> manager = defaultServiceManager();

    auto report = [](const char* use, const std::function<std::string()>& action) {
        Answer().text("event", "fork").text("use", use).json("child", in_forked_child(action).object()).print();
    };
    report("ProcessState::self", [&state] {
        Answer answer;
        answer.truth("same_object", ProcessState::self() == state);
        add_binder_files(answer);
        return answer.object();
    });
    // The reply to a ping carries no data, the reply to a lookup does: it lies in the parent's mapping.
    report("pingBinder", [&context] { return Answer().number("status", context->pingBinder()).object(); });
    report("checkService", [&manager] {
        return Answer().truth("found", manager->checkService(String16("manager")) != nullptr).object();
    });
    return DONE;
}
