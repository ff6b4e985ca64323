#include "bench_python.hpp"

#include <fmt/format.h>

#include <nlohmann/json.hpp>
#include <stdexcept>

#include "bench_child.hpp"

namespace muster::cli::bench {
namespace {

using Json = nlohmann::json;

Json parse_answer(const std::string& line) {
  Json answer = Json::parse(line, nullptr, false);
  if (!answer.is_object()) throw std::runtime_error("python3 answered what was not asked: " + line);
  if (answer.contains("error")) throw std::runtime_error("python3 failed: " + answer["error"].get<std::string>());
  return answer;
}

Run to_run(const std::string& line) {
  const Json answer = parse_answer(line);
  return {.seconds = answer.at("seconds"),
          .start = answer.at("start"),
          .size = answer.at("size"),
          .fingerprint = answer.at("fingerprint")};
}

}  // namespace

Python::Python() {
  const std::string program = find_program("python3");
  if (program.empty())
    throw std::runtime_error("--python needs python3, which is not in PATH (Debian package python3)");
  // -I: neither the current folder nor the user's environment may change which modules it imports.
  child_ = std::make_unique<Child>(std::vector<std::string>{program, "-I", "-c", kPythonScript});
  version_ = parse_answer(ask(Json{{"call", "hello"}}.dump())).at("version");
}

Python::~Python() = default;

Run Python::loop(const Task& task, long items) {
  return to_run(ask(Json{{"call", "loop"}, {"task", task.name}, {"items", items}}.dump()));
}

Run Python::pool(const Kind& kind, const Task& task, int workers, long items) {
  return to_run(ask(
      Json{{"call", "pool"}, {"kind", kind.name}, {"task", task.name}, {"workers", workers}, {"items", items}}.dump()));
}

std::string Python::ask(const std::string& request) {
  child_->send(request + "\n");
  return read_line();  // a python3 that is gone has closed its output
}

std::string Python::read_line() {
  std::size_t end;
  while ((end = received_.find('\n')) == std::string::npos) {
    const std::string more = child_->receive();
    if (more.empty()) throw std::runtime_error("python3 " + child_->wait() + " before the benchmark was over");
    received_ += more;
  }
  std::string line = received_.substr(0, end);
  received_.erase(0, end + 1);
  return line;
}

}  // namespace muster::cli::bench
