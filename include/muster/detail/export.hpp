#pragma once
// Symbols are hidden by default; this marks what the library offers. Exception types are marked too, so that a
// handler in another shared library recognises them.

#define MUSTER_EXPORT __attribute__((visibility("default")))
