#include "probe_service.h"

#include <binder/IPCThreadState.h>
#include <binder/Parcel.h>
#include <binder/Status.h>
#include <signal.h>
#include <unistd.h>

using namespace android;

const String16& ProbeService::getInterfaceDescriptor() const {
    static const String16 descriptor("binder_harness.IProbe");
    return descriptor;
}

status_t ProbeService::onTransact(uint32_t code, const Parcel& data, Parcel* reply, uint32_t flags) {
    if (code < ECHO || code > DIE) return BBinder::onTransact(code, data, reply, flags);
    if (!data.enforceInterface(getInterfaceDescriptor())) return PERMISSION_DENIED;
    switch (code) {
        case ECHO:
            return reply->appendFrom(&data, data.dataPosition(), data.dataAvail());
        case IDENTITY:
            reply->writeInt32(getpid());
            reply->writeInt32(IPCThreadState::self()->getCallingPid());
            return reply->writeInt32(IPCThreadState::self()->getCallingUid());
        case THROW:
            return binder::Status::fromExceptionCode(binder::Status::EX_ILLEGAL_STATE, "as asked").writeToParcel(reply);
        default:
            kill(getpid(), SIGKILL);
            return DEAD_OBJECT;
    }
}
