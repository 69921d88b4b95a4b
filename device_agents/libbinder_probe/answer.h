// One answer: a JSON object on a line of its own, written to standard output at once.
#pragma once

#include <stdint.h>

#include <string>
#include <string_view>
#include <vector>

std::string json_string(std::string_view text);
std::string json_list(const std::vector<std::string>& json);

class Answer {
  public:
    Answer& text(const char* key, std::string_view value) {
        return json(key, json_string(value));
    }
    Answer& number(const char* key, int64_t value) {
        return json(key, std::to_string(value));
    }
    Answer& seconds(const char* key, double value) {
        return json(key, std::to_string(value));
    }
    Answer& truth(const char* key, bool value) {
        return json(key, value ? "true" : "false");
    }
    Answer& json(const char* key, std::string_view value);

    std::string object() const {
        return "{" + members_ + "}";
    }
    void print() const;

  private:
    std::string members_;
};
