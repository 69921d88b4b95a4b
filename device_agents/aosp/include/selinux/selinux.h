// Stands in for a header of libselinux: all of the stand-in is in <selinux/android.h>.
#pragma once

#include <selinux/android.h>
