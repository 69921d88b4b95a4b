// The stand-in itself: android.app.IActivityManager with the codes and arguments of Android 11, or of 10 on libbinder
// of that release, for what it implements.
#pragma once

#include <binder/Binder.h>

#include "broadcasts.h"
#include "services.h"

class ActivityManager : public android::BBinder {
  public:
    explicit ActivityManager(std::chrono::duration<double> time_limit);

    const android::String16& getInterfaceDescriptor() const override;
    android::status_t dump(int descriptor, const android::Vector<android::String16>& arguments) override;

    // As broadcastIntentWithFeature; `result` is what it returns.
    android::binder::Status broadcast(Broadcast broadcast, int32_t* result);

    Services& services() {
        return *services_;
    }

  protected:
    android::status_t onTransact(uint32_t code, const android::Parcel& data, android::Parcel* reply,
                                 uint32_t flags) override;

  private:
    android::binder::Status call(uint32_t code, const android::Parcel& data, android::Parcel* results);
    android::binder::Status register_receiver(const android::Parcel& data, android::Parcel* results);
    android::binder::Status broadcast_intent(const android::Parcel& data, android::Parcel* results);
    android::binder::Status finish_receiver(const android::Parcel& data);
    android::binder::Status bind_service(const android::Parcel& data, android::Parcel* results);
    android::binder::Status publish_service(const android::Parcel& data);

    const android::sp<Broadcasts> broadcasts_;
    const android::sp<Services> services_;
};
