// A library that a test loads while it runs.

extern "C" __attribute__((visibility("default"))) int late_square(int i) { return i * i; }
