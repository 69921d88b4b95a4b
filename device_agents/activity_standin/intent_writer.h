// Builds an Intent from its fields, in the order of Intent.writeToParcel.
#pragma once

#include <map>

#include "parcelables.h"

// Parcel.java, VAL_*
enum ValueType : int32_t { NOTHING = -1, STRING = 0, INTEGER = 1, LONG = 6, FLOAT = 7, BOOLEAN = 9 };

class IntentWriter {
  public:
    std::optional<std::string> action, data, type, package;
    std::optional<ComponentName> component;
    std::vector<std::string> categories;
    uint32_t flags = 0;

    // Where to write the value of an extra, in the place of an earlier one of that name.
    android::Parcel& extra(const std::string& key, ValueType type);
    // Nothing where the fields do not make an Intent.
    std::optional<Intent> intent() const;

  private:
    void write_extras(android::Parcel* to) const;

    std::map<std::string, android::Parcel> extras_;
};
