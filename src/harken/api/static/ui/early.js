// Runs before the first paint: the theme and the language that were chosen here before, so that nothing flashes.
// The shell owns both afterwards. A browser that forbids storage gets what its settings say.
(() => {
  const root = document.documentElement;
  const kept = (name) => {
    try {
      return localStorage.getItem(name);
    } catch {
      return null;
    }
  };
  const theme = kept("harken.theme");
  if (theme === "light" || theme === "dark") root.dataset.theme = theme;
  const language = kept("harken.language") || navigator.language || "en";
  root.lang = language.toLowerCase().startsWith("zh") ? "zh-CN" : "en";
})();
