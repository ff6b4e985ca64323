#include "bench_plot.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <set>
#include <stdexcept>

#include "bench_child.hpp"

namespace muster::cli::bench {
namespace {

// In pixels. Above the rows lie the title, the machine and the key.
constexpr int kWidth = 1000;
constexpr int kHead = 100;
constexpr int kRow = 280;

// Told apart with any kind of colour vision (Okabe and Ito), in the order of all_kinds().
constexpr std::array kColours = {"#0072b2", "#d55e00", "#009e73", "#cc79a7", "#e69f00"};
constexpr std::array kFilled = {7, 5, 9, 11, 13};
constexpr std::array kHollow = {6, 4, 8, 10, 12};

struct Range {
  double least;
  double most;

  void include(double value) {
    least = std::min(least, value);
    most = std::max(most, value);
  }
};

struct Unit {
  std::string_view name;
  double seconds;
};

Unit unit_for(double seconds) {
  if (seconds >= 1) return {"s", 1};
  if (seconds >= 1e-3) return {"ms", 1e-3};
  return {"us", 1e-6};
}

// A string for gnuplot. Braces, carets and underscores in it mean themselves only by `noenhanced`.
std::string quote(std::string_view text) {
  std::string quoted = "'";
  for (const char c : text) {
    if (static_cast<unsigned char>(c) >= ' ') quoted += c;
    if (c == '\'') quoted += c;  // doubled, or it would be the end
  }
  return quoted + "'";
}

std::string style_of(const Series& series) {
  const auto number = static_cast<std::size_t>(series.kind - all_kinds().data());
  const bool python = series.side == Side::kPython;
  return fmt::format("with linespoints lc rgb '{}' lw 2 dt {} pt {} ps 0.8", kColours[number % kColours.size()],
                     python ? "(8,5)" : "solid", (python ? kHollow : kFilled)[number % kFilled.size()]);
}

constexpr std::string_view kIdealStyle = "with lines lc rgb '#aaaaaa' lw 1 dt solid";
constexpr std::string_view kLoopStyle = "with lines lc rgb '#444444' lw 1.5 dt (2,3)";

std::string name_of(const Series& series) {
  return fmt::format("{}{}", series.side == Side::kPython ? "python3 " : "", series.kind->label);
}

// The first series of each curve: those of one kind and side lie together.
std::vector<const Series*> curves_of(const TaskResult& result) {
  std::vector<const Series*> curves;
  for (const Series& one : result.series) {
    if (curves.empty() || curves.back()->kind != one.kind || curves.back()->side != one.side) curves.push_back(&one);
  }
  return curves;
}

// The words of a plot command for one curve, and its points.
struct Curve {
  std::string command;
  std::string points;
};

template <class Value>
Curve curve(const TaskResult& result, const Series& first, Value value) {
  Curve drawn{fmt::format("'-' {} notitle", style_of(first)), ""};
  for (const Series& one : result.series) {
    if (one.kind == first.kind && one.side == first.side)
      drawn.points += fmt::format("{} {}\n", one.workers, value(one));
  }
  drawn.points += "e\n";
  return drawn;
}

// Where curves lie far apart only a logarithm shows all of them; else zero belongs into the picture.
std::string scale(Range range) {
  constexpr double kFarApart = 10;
  if (range.most < kFarApart * range.least)
    return fmt::format("unset logscale y\nset yrange [0:{}]\n", range.most * 1.12);
  const int base = range.most < 100 * range.least ? 2 : 10;
  return fmt::format("set logscale y {}\nset yrange [{}:{}]\n", base, range.least / 1.5, range.most * 1.5);
}

// One panel: `value` of all series and a level line for the plain loop.
template <class Value>
std::string panel(const TaskResult& result, double level, Value value, const std::string& extra) {
  Range range{level, level};
  for (const Series& one : result.series) range.include(value(one));
  std::string command = fmt::format("plot {} {} notitle{}", level, kLoopStyle, extra);
  std::string points;
  for (const Series* first : curves_of(result)) {
    const Curve drawn = curve(result, *first, value);
    command += ", " + drawn.command;
    points += drawn.points;
  }
  return scale(range) + command + "\n" + points;
}

std::string time_panel(const TaskResult& result) {
  const double level = result.loop_time(Side::kMuster);
  double most = level;
  for (const Series& one : result.series) most = std::max(most, one.time());
  const Unit unit = unit_for(most);
  const auto in_unit = [unit](const Series& one) { return one.time() / unit.seconds; };
  return fmt::format("set title {} noenhanced offset 0,-0.3 font ':Bold'\n",
                     quote(fmt::format("{}: time in {}", result.job.task.name, unit.name))) +
         panel(result, level / unit.seconds, in_unit, "");
}

std::string speed_up_panel(const TaskResult& result) {
  const auto speed_up = [&result](const Series& one) { return result.over_loop(one); };
  const bool python = !result.python_loop.empty();
  return fmt::format(
             "set title {} noenhanced offset 0,-0.3 font ':Bold'\n",
             quote(fmt::format("{}: speed-up over {} plain loop", result.job.task.name, python ? "its own" : "the"))) +
         panel(result, 1, speed_up, fmt::format(", x {} notitle", kIdealStyle));
}

std::string terminal(Picture picture, int height) {
  if (picture == Picture::kSvg) {
    return fmt::format("set terminal svg size {},{} dynamic font 'sans-serif,13' background rgb 'white'\n", kWidth,
                       height);
  }
  return fmt::format("set terminal pngcairo size {},{} font 'sans,10' background rgb 'white'\n", kWidth, height);
}

// Where the panel of a row and column (0 or 1) lies, its axes in pixels turned into shares of the whole.
std::string place(std::size_t row, int column, int height) {
  const double top = kHead + kRow * static_cast<double>(row) + 30;
  const double left = column == 0 ? 70 : 560;
  return fmt::format(
      "set lmargin at screen {}\nset rmargin at screen {}\nset tmargin at screen {}\nset bmargin at screen {}\n",
      left / kWidth, (left + 410) / kWidth, 1 - top / height, 1 - (top + kRow - 92) / height);
}

// The key, drawn by a plot that shows nothing else.
std::string key(const TaskResult& result, int height) {
  const auto curves = curves_of(result);
  std::string text = fmt::format(
      "set lmargin at screen 0.03\nset rmargin at screen 0.97\nset tmargin at screen {}\nset bmargin at screen {}\n"
      "unset border\nunset tics\nset xrange [0:1]\nset yrange [0:1]\n"
      "set key center center vertical maxrows {} Left reverse samplen 3 noenhanced\nplot ",
      1 - 52.0 / height, 1 - static_cast<double>(kHead) / height, curves.size() <= 2 ? 1 : 2);
  for (const Series* first : curves) text += fmt::format("NaN {} title {}, ", style_of(*first), quote(name_of(*first)));
  text += fmt::format("NaN {} title 'plain loop{}', NaN {} title 'ideal'\n", kLoopStyle,
                      result.python_loop.empty() ? "" : " in C++", kIdealStyle);
  return text + "set border 3\nset ytics nomirror out\nset key off\n";
}

std::string workers_axis(const std::vector<TaskResult>& results) {
  std::set<int> workers;
  for (const TaskResult& result : results) {
    for (const Series& one : result.series) workers.insert(one.workers);
  }
  const int most = *workers.rbegin();
  if (most <= 32)
    return fmt::format("set xrange [0.7:{}]\nset xtics nomirror out {}\n", most + 0.3, most <= 16 ? 1 : 2);
  return fmt::format("set logscale x 2\nset xrange [{}:{}]\nset xtics nomirror out 2\n", *workers.begin() * 0.9,
                     most * 1.1);
}

std::string cores_line(const Machine& machine) {
  return fmt::format(
      "set arrow 1 from first {0}, graph 0 to first {0}, graph 1 nohead lc rgb '#dddddd' lw 1 back\n"
      "set label 1 '{0} CPU{1}' at first {0}, graph 0.97 offset 0.4,0 tc rgb '#999999' font ',9' noenhanced\n",
      machine.usable_cpus, machine.usable_cpus == 1 ? "" : "s");
}

std::string heading(const Machine& machine) {
  return fmt::format(
      "set label 10 'muster bench: cost time against the number of workers' at screen 0.5, screen 1 offset 0,-1.1 "
      "center "
      "font ',15'\n"
      "set label 11 {} at screen 0.5, screen 1 offset 0,-2.6 center noenhanced tc rgb '#666666'\n",
      quote(fmt::format("muster {}, {}; {}, {} cores", machine.version, machine.compiler, machine.cpu, machine.cores)));
}

std::string explain_failure(const Output& output) {
  const std::string_view errors = output.errors;
  const auto from = errors.find_first_not_of(" \t\r\n");
  return fmt::format("gnuplot {}{}", output.failure.empty() ? "drew nothing" : output.failure,
                     from == std::string_view::npos ? "" : fmt::format(": {}", errors.substr(from, 300)));
}

}  // namespace

void require_gnuplot(Picture picture) {
  if (find_program("gnuplot").empty()) {
    throw std::runtime_error("--plot needs gnuplot, which is not in PATH (Debian package gnuplot-nox)");
  }
  draw(terminal(picture, kRow) + "plot 0\n");
}

std::string plot_script(const std::vector<TaskResult>& results, const Machine& machine, Picture picture) {
  const int height = kHead + kRow * static_cast<int>(results.size());
  std::string script =
      terminal(picture, height) + "set multiplot\n" + heading(machine) + key(results.front(), height) +
      "unset label 10\nunset label 11\nset grid y lc rgb '#eeeeee'\nset xlabel 'workers' offset 0,0.4\n" +
      workers_axis(results) + cores_line(machine);
  for (std::size_t row = 0; row < results.size(); ++row) {
    script += place(row, 0, height) + time_panel(results[row]);
    script += place(row, 1, height) + speed_up_panel(results[row]);
  }
  return script + "unset multiplot\n";
}

std::string draw(const std::string& script) {
  const Output output = run_program({find_program("gnuplot")}, script);
  if (!output.failure.empty() || output.text.empty()) throw std::runtime_error(explain_failure(output));
  return output.text;
}

}  // namespace muster::cli::bench
