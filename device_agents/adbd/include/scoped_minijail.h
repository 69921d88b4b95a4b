// Stands in for minijail's C++ wrapper, which AOSP's main.cpp includes beside libminijail.h.
#pragma once

#include <memory>

#include <libminijail.h>

using ScopedMinijail = std::unique_ptr<minijail>;
