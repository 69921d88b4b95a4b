#include "answer.h"

#include <stdio.h>

std::string json_string(std::string_view text) {
    std::string quoted = "\"";
    for (const char character : text) {
        if (character == '"' || character == '\\') {
            quoted += '\\';
            quoted += character;
        } else if (static_cast<unsigned char>(character) < ' ') {
            char escape[8];
            snprintf(escape, sizeof(escape), "\\u%04x", character);
            quoted += escape;
        } else {
            quoted += character;
        }
    }
    return quoted + "\"";
}

std::string json_list(const std::vector<std::string>& json) {
    std::string list;
    for (const std::string& element : json) {
        list += list.empty() ? element : ", " + element;
    }
    return "[" + list + "]";
}

Answer& Answer::json(const char* key, std::string_view value) {
    members_ += members_.empty() ? "" : ", ";
    members_.append(json_string(key)).append(": ").append(value);
    return *this;
}

void Answer::print() const {
    puts(object().c_str());
    fflush(stdout);
}
