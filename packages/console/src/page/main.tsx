// The page of the console.

import { render } from "preact";
import "./page.css";

const Page = () => <main>Sluice</main>;

const root = document.getElementById("page");
if (root !== null) render(<Page />, root);
