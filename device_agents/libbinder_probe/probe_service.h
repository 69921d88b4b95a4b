// The service that `register` offers.
#pragma once

#include <binder/Binder.h>

class ProbeService : public android::BBinder {
  public:
    enum Code : uint32_t {
        ECHO = android::IBinder::FIRST_CALL_TRANSACTION,  // replies with what follows the interface name
        IDENTITY,                                         // int32 each: own pid, the caller's pid, the caller's uid
        THROW,                                            // an IllegalStateException
        DIE,                                              // by SIGKILL, before it replies
    };

    const android::String16& getInterfaceDescriptor() const override;

  protected:
    android::status_t onTransact(uint32_t code, const android::Parcel& data, android::Parcel* reply,
                                 uint32_t flags) override;
};
