// What goes wrong with values on their way: said once, outside of the templates.

#include <new>
#include <string>

#include <muster/detail/archive.hpp>
#include <muster/detail/bytes.hpp>
#include <muster/detail/coder.hpp>
#include <muster/detail/travel.hpp>
#include <muster/error.hpp>

namespace muster::detail {

void Reader::ends_early() { refuse_bytes("it ends early"); }

void refuse_bytes(const char* what) {
  throw NotSerializable(std::string("what arrived is not what was sent: ") + what);
}

void refuse_value(const char* what) { throw NotSerializable(std::string(what) + " cannot travel to another process"); }

void refuse_depth() {
  throw NotSerializable("a value is nested more than " + std::to_string(kMaxDepth) +
                        " levels deep: put long chains into a container");
}

void rethrow_refused() {
  try {
    throw;
  } catch (const NotSerializable&) {
    throw;
  } catch (const std::bad_alloc&) {
    throw;
  } catch (const std::exception& error) {
    throw NotSerializable(error.what());
  } catch (...) {
    throw NotSerializable("a serialize function threw something that is no std::exception");
  }
}

}  // namespace muster::detail
