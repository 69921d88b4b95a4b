#include "intent_writer.h"

#include "broadcasts.h"

using namespace android;

Parcel& IntentWriter::extra(const std::string& key, ValueType type) {
    extras_.erase(key);
    Parcel& value = extras_[key];
    value.writeInt32(type);
    return value;
}

std::optional<Intent> IntentWriter::intent() const {
    Parcel out;
    write_string(&out, action);
    out.writeInt32(data ? 1 : 0);
    if (data) write_string(&out, data);
    write_string(&out, type);
    write_string(&out, std::nullopt);  // the identifier
    out.writeUint32(flags);
    write_string(&out, package);
    write_string16(&out, component ? std::optional(String16(component->package.c_str())) : std::nullopt);
    if (component) out.writeString16(String16(component->class_name.c_str()));
    out.writeInt32(0);  // no bounds
    out.writeInt32(categories.size());
    for (const std::string& category : categories) write_string(&out, category);
    out.writeInt32(0);  // no selector
    out.writeInt32(0);  // no clip data
    out.writeInt32(USER_CURRENT);
    write_extras(&out);
    out.setDataPosition(0);
    return Intent::read(out);
}

void IntentWriter::write_extras(Parcel* to) const {
    if (extras_.empty()) {
        to->writeInt32(-1);
        return;
    }
    Parcel extras;
    for (const auto& [key, value] : extras_) {
        extras.writeString16(String16(key.c_str()));
        extras.appendFrom(&value, 0, value.dataSize());
    }
    to->writeInt32(extras.dataSize() + sizeof(int32_t));
    to->writeInt32(BUNDLE_MAGIC);
    to->writeInt32(extras_.size());
    to->appendFrom(&extras, 0, extras.dataSize());
}
