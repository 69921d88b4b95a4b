// Stands in for parts of an Android device that the guest does not have: a screen (daemon/framebuffer_service.cpp),
// mDNS (daemon/mdns.cpp) and a USB device port (daemon/usb.cpp, which needs /dev/usb-ffs).

#include "daemon/framebuffer_service.h"

#include <android-base/logging.h>

#include "adb_unique_fd.h"
#include "daemon/mdns.h"
#include "usb.h"

// adb takes the end of the stream for "no screen".
void framebuffer_service(unique_fd) {}

void setup_mdns(int) {}

void usb_init() {
    LOG(FATAL) << "there is a USB device port, and this adbd is built without USB";
}
