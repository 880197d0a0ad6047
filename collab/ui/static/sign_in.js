// Sends a name and a password, or a page's ticket, to the sign-in route, whose reply sets the cookie; then the page begins
// anew, for Streamlit reads cookies when its line is opened. What was typed is kept nowhere.
const begun = new WeakSet();

export default ({ data, parentElement }) => {
  const el = (id) => parentElement.querySelector(`#${id}`),
    words = data.strings;
  el("name-word").textContent = words.name;
  el("password-word").textContent = words.password;
  el("go").textContent = words.go;
  el("form").lang = data.lang;
  if (begun.has(parentElement)) return;
  begun.add(parentElement);

  const send = async (body) => {
    el("go").disabled = true;
    el("told").textContent = words.checking;
    try {
      const reply = await fetch(`${data.base}/api/v1/sign-in`, {
        method: "POST",
        headers: { "content-type": "application/json", "accept-language": data.lang },
        body: JSON.stringify(body),
      });
      if (reply.ok) return location.reload();
      el("told").textContent = (await reply.json().catch(() => ({}))).error ?? words.failed;
    } catch {
      el("told").textContent = words.failed;
    }
    el("go").disabled = false;
    el("password").value = "";
    el("password").focus();
  };

  if (data.ticket) {
    send({ ticket: data.ticket });
    return;
  }
  el("form").hidden = false;
  el("form").addEventListener("submit", (e) => {
    e.preventDefault();
    send({ name: el("name").value, password: el("password").value });
  });
  el("name").focus();
};
