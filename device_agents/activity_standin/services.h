// Bound services, with the rules of ActiveServices.java of Android 11. There are no packages here: a shell command
// assigns a service to an attached process, instead of a manifest.
#pragma once

#include <binder/IBinder.h>
#include <sys/types.h>

#include <list>
#include <mutex>

#include "parcelables.h"

class Services : public android::IBinder::DeathRecipient {
  public:
    void attach(pid_t pid, const android::sp<android::IBinder>& thread);
    // False where no process of that id is attached.
    bool host(const ComponentName& component, pid_t pid);

    // 1 where it is bound, or will be when it is published; 0 where there is no such service.
    android::binder::Status bind(const android::sp<android::IBinder>& caller, const Intent& intent,
                                 const android::sp<android::IBinder>& connection, int32_t* result);
    bool unbind(const android::sp<android::IBinder>& connection);
    android::binder::Status publish(const android::sp<android::IBinder>& token, const Intent& intent,
                                    const android::sp<android::IBinder>& service);

    void binderDied(const android::wp<android::IBinder>& who) override;
    std::string dump();

  private:
    struct Process {
        pid_t pid;
        android::sp<android::IBinder> thread;
    };
    struct Binding {
        Intent intent;
        bool received = false;
        android::sp<android::IBinder> service;
        std::vector<android::sp<android::IBinder>> connections;
    };
    struct Service {
        ComponentName component;
        Process process;
        android::sp<android::IBinder> token;
        std::list<Binding> bindings;
    };

    const Process* process_of(const android::sp<android::IBinder>& thread) const;
    bool drop_connection(const android::sp<android::IBinder>& connection);

    std::mutex mutex_;
    std::vector<Process> processes_;
    std::list<Service> services_;
};
